//! Numbers and registers in arguments: `$pc + 0x10 * 2`.

use std::iter::Peekable;
use std::str::Chars;
use x86_state::Cpu;
use x86_types::Seg;

/// Parentheses and signs in one another at most.
const DEEPEST: u32 = 64;

/// Reads an expression and leaves what follows it.
pub(super) struct Expression<'a, 'b> {
    pub(super) text: &'b mut Peekable<Chars<'a>>,
    pub(super) cpu: &'b Cpu,
}

type Parsed = Result<i64, String>;

impl Expression<'_, '_> {
    /// Returns the value. Operators are QEMU's, with its priorities: `& | ^` below `+ -` below `* / %`.
    ///
    /// # Errors
    /// What is wrong, in QEMU's words.
    pub(super) fn parse(&mut self) -> Parsed {
        self.logic(0)
    }

    fn skip_blanks(&mut self) {
        while self.text.next_if(|letter| letter.is_whitespace()).is_some() {}
    }

    /// Takes one of these letters, behind blanks.
    fn operator(&mut self, letters: &str) -> Option<char> {
        self.skip_blanks();
        self.text.next_if(|letter| letters.contains(*letter))
    }

    fn logic(&mut self, depth: u32) -> Parsed {
        let mut value = self.sum(depth)?;
        while let Some(operator) = self.operator("&|^") {
            let other = self.sum(depth)?;
            value = match operator {
                '&' => value & other,
                '|' => value | other,
                _ => value ^ other,
            };
        }
        Ok(value)
    }

    fn sum(&mut self, depth: u32) -> Parsed {
        let mut value = self.product(depth)?;
        while let Some(operator) = self.operator("+-") {
            let other = self.product(depth)?;
            value = if operator == '+' { value.wrapping_add(other) } else { value.wrapping_sub(other) };
        }
        Ok(value)
    }

    fn product(&mut self, depth: u32) -> Parsed {
        let mut value = self.unary(depth)?;
        while let Some(operator) = self.operator("*/%") {
            let other = self.unary(depth)?;
            value = match operator {
                '*' => value.wrapping_mul(other),
                _ if other == 0 => return Err("division by zero".into()),
                '/' => value.wrapping_div(other),
                _ => value.wrapping_rem(other),
            };
        }
        Ok(value)
    }

    fn unary(&mut self, depth: u32) -> Parsed {
        if depth > DEEPEST {
            return Err("the expression is nested too deep".into());
        }
        self.skip_blanks();
        match self.text.peek().copied() {
            None => Err("unexpected end of expression".into()),
            Some('+') => {
                self.text.next();
                self.unary(depth + 1)
            }
            Some('-') => {
                self.text.next();
                self.unary(depth + 1).map(i64::wrapping_neg)
            }
            Some('~') => {
                self.text.next();
                self.unary(depth + 1).map(|value| !value)
            }
            Some('(') => {
                self.text.next();
                let value = self.logic(depth + 1)?;
                self.operator(")").ok_or("')' expected")?;
                Ok(value)
            }
            Some('\'') => {
                self.text.next();
                let letter = self.text.next().ok_or("character constant expected")?;
                self.text.next_if_eq(&'\'').ok_or("missing terminating ' character")?;
                Ok(i64::from(u32::from(letter)))
            }
            Some('$') => {
                self.text.next();
                let name = self.word(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.'));
                register(self.cpu, &name).map(u64::cast_signed).ok_or_else(|| "unknown register".into())
            }
            Some('0'..='9') => self.number(),
            Some(letter) => Err(format!("invalid char '{letter}' in expression")),
        }
    }

    fn word(&mut self, is_part: impl Fn(&char) -> bool) -> String {
        std::iter::from_fn(|| self.text.next_if(&is_part)).collect()
    }

    /// Decimal, hexadecimal behind `0x`, octal behind `0`.
    fn number(&mut self) -> Parsed {
        let text = self.word(char::is_ascii_alphanumeric);
        let (digits, radix) = match (text.strip_prefix("0x").or(text.strip_prefix("0X")), &text[1..]) {
            (Some(digits), _) => (digits, 16),
            (None, octal) if text.starts_with('0') && !octal.is_empty() => (octal, 8),
            _ => (text.as_str(), 10),
        };
        match digits.chars().find(|digit| !digit.is_digit(radix)) {
            Some(letter) => Err(format!("invalid char '{letter}' in expression")),
            None if digits.is_empty() => Err("invalid char 'x' in expression".into()),
            None => u64::from_str_radix(digits, radix)
                .map(u64::cast_signed)
                .map_err(|_| "number too large".into()),
        }
    }
}

/// Names of general registers without their first letter, as encoded.
const GENERAL: [&str; 8] = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];

/// Returns a register by QEMU's name; `pc` is the linear address of the next instruction.
fn register(cpu: &Cpu, name: &str) -> Option<u64> {
    let general = |rest: &str| GENERAL.iter().position(|other| *other == rest);
    let by_letter = name.strip_prefix(['e', 'r']).and_then(general).or_else(|| general(name));
    let by_number = || name.strip_prefix('r')?.parse::<usize>().ok().filter(|n| (8..16).contains(n));
    if let Some(index) = by_letter.or_else(by_number) {
        return cpu.gpr.get(index).copied();
    }
    let (segment, part) = name.split_once('.').unwrap_or((name, ""));
    let names = [
        ("es", Seg::Es),
        ("cs", Seg::Cs),
        ("ss", Seg::Ss),
        ("ds", Seg::Ds),
        ("fs", Seg::Fs),
        ("gs", Seg::Gs),
    ];
    if let Some((_, segment)) = names.into_iter().find(|(other, _)| *other == segment) {
        let segment = cpu.segment(segment);
        return match part {
            "" => Some(u64::from(segment.selector.0)),
            "base" => Some(segment.base),
            "limit" => Some(u64::from(segment.limit)),
            _ => None,
        };
    }
    match name {
        "pc" => Some(cpu.segment(Seg::Cs).base.wrapping_add(cpu.rip)),
        "eip" | "rip" => Some(cpu.rip),
        "eflags" | "rflags" => Some(cpu.rflags().bits()),
        "cr0" => Some(cpu.cr0.bits()),
        "cr2" => Some(cpu.cr2),
        "cr3" => Some(cpu.cr3),
        "cr4" => Some(cpu.cr4.bits()),
        "efer" => Some(cpu.efer.bits()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x86_state::cpuid::CpuModel;

    fn value(text: &str) -> Result<(i64, String), String> {
        let mut cpu = Cpu::new(CpuModel::X86_64_V2);
        cpu.gpr[0] = 0x1234;
        let mut letters = text.chars().peekable();
        let value = Expression { text: &mut letters, cpu: &cpu }.parse()?;
        Ok((value, letters.collect()))
    }

    #[test]
    fn operators_have_qemus_priorities() {
        for (text, expected) in [
            ("0x10+0x20*2", 0x50),
            ("1|2+4&6", 7 & 6),
            ("(1 + 2) * 3", 9),
            ("-5 % 3", -2),
            ("~0", -1),
            ("010", 8),
            ("'A'", 65),
            ("$eax + 1", 0x1235),
            ("$rax", 0x1234),
            ("$pc", 0xffff_fff0),
            ("$cs.base", 0xffff_0000),
            ("0xffffffffffffffff", -1),
        ] {
            assert_eq!(value(text), Ok((expected, String::new())), "{text}");
        }
    }

    #[test]
    fn what_follows_is_left() {
        assert_eq!(value("0xb8000 32768"), Ok((0xb8000, "32768".into())));
        assert_eq!(value("1 \"file\""), Ok((1, "\"file\"".into())));
    }

    #[test]
    fn errors_are_qemus() {
        for (text, error) in [
            ("", "unexpected end of expression"),
            ("1 +", "unexpected end of expression"),
            ("foo", "invalid char 'f' in expression"),
            ("12z", "invalid char 'z' in expression"),
            ("$nonsense", "unknown register"),
            ("1/0", "division by zero"),
            ("(1", "')' expected"),
            ("99999999999999999999", "number too large"),
        ] {
            assert_eq!(value(text), Err(error.to_owned()), "{text}");
        }
        assert!(value(&"(".repeat(100_000)).is_err());
        assert!(value(&"-".repeat(100_000)).is_err());
    }
}
