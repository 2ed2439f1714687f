/* A state machine over text: a switch that becomes a table of jumps. */
#include "bench.h"

static const char text[] =
	"static int sum(const int *p, int n) { int s = 0; while (n-- > 0) s += p[n] * 0x1F; return s; } // 42\n"
	"if (a <= b && c != 'x') { puts(\"hello, \\\"world\\\"\"); x1 = y2 << 3; } /* none */ else a = 3.14159;\n";

PROGRAM(lexer, 240000, "indirect jumps: a state machine by switch")
{
	uint64_t sum = 0;
	while (rounds--) {
		enum { BLANK, WORD, NUMBER, STRING, ESCAPE, LETTER, SIGN, SLASH, REST } state = BLANK;
		unsigned counts[9] = { 0 }, depth = 0;
		for (const char *p = text; *p; p++) {
			unsigned char c = *p;
			switch (state) {
			case STRING:
				state = c == '\\' ? ESCAPE : c == '"' ? BLANK : STRING;
				break;
			case ESCAPE:
				state = STRING;
				break;
			case LETTER:
				state = c == '\'' ? BLANK : LETTER;
				break;
			case REST:
				state = c == '\n' ? BLANK : REST;
				break;
			case SLASH:
				if (c == '/') {
					state = REST;
					break;
				}
				/* fall through */
			default:
				switch (c) {
				case '"': state = STRING; break;
				case '\'': state = LETTER; break;
				case '/': state = SLASH; break;
				case ' ': case '\n': case '\t': state = BLANK; break;
				case '(': case '{': case '[': depth++; state = SIGN; break;
				case ')': case '}': case ']': depth--; state = SIGN; break;
				case '0' ... '9': state = state == WORD ? WORD : NUMBER; break;
				case 'a' ... 'z': case 'A' ... 'Z': case '_': state = WORD; break;
				default: state = SIGN;
				}
			}
			counts[state] += 1 + (depth ^ rounds);
		}
		for (int i = 0; i < 9; i++)
			sum = mix(sum, counts[i]);
	}
	return sum;
}
