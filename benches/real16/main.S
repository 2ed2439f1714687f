# Loops in real-address mode, as firmware of 64 KiB: `cargo xtask bench --parts real`. On the first serial port each program
# says when it begins and ends, and gives a checksum between.

        .intel_syntax noprefix
        .code16
        .text

        .equ    CODE, 0x2000            # where all of this is copied to
        .equ    OTHER, 0x3000           # and again, for calls to another segment
        .equ    DATA, 0x4000
        .equ    MORE, 0x5000
        .equ    STACK, 0x6000
        .equ    COM1, 0x3f8
        .equ    EXIT, 0xf4              # isa-debug-exit
        .equ    VECTOR, 0x60

start:  cld
        xor     si, si
        xor     di, di
        mov     ax, CODE
        mov     es, ax
        mov     cx, 0x8000
        rep movsw es:[di], cs:[si]
        mov     ax, OTHER
        mov     es, ax
        xor     si, si
        xor     di, di
        mov     cx, 0x8000
        rep movsw es:[di], cs:[si]
        .byte   0xea                    # jmp CODE:main
        .word   main, CODE

# A program: its name, and what leaves a checksum in EAX.
        .macro  program what
        mov     si, offset \what\()_name
        mov     bp, offset \what
        call    run
        .endm

main:   mov     ax, STACK
        mov     ss, ax
        xor     sp, sp
        xor     ax, ax
        mov     ds, ax
        mov     word ptr ds:[VECTOR * 4], offset handler
        mov     word ptr ds:[VECTOR * 4 + 2], CODE
        mov     dx, COM1 + 3            # 8 bits
        mov     al, 3
        out     dx, al
        program integer
        program memory
        program farcalls
        program strings
        program repeated
        program sort
        program interrupts
        mov     dx, EXIT
        xor     ax, ax
        out     dx, ax
        hlt

run:    push    si
        mov     di, offset begin
        call    puts
        call    name
        call    newline
        mov     ax, DATA
        mov     ds, ax
        mov     ax, MORE
        mov     es, ax
        call    bp
        pop     si
        push    eax
        mov     di, offset sum
        call    puts
        call    name
        mov     di, offset zeros
        call    puts
        pop     eax
        mov     cx, 8
1:      rol     eax, 4
        mov     bx, ax
        and     bx, 15
        push    eax
        mov     al, cs:digits[bx]
        call    putc
        pop     eax
        loop    1b
        call    newline
        mov     di, offset ending
        call    puts
        call    name
        mov     di, offset status
        call    puts
newline:
        mov     al, 10
putc:   push    dx
        push    ax
        mov     dx, COM1 + 5
1:      in      al, dx
        test    al, 0x20
        jz      1b
        pop     ax
        mov     dx, COM1
        out     dx, al
        pop     dx
        ret
name:   mov     di, si
puts:   mov     al, cs:[di]
        test    al, al
        jz      1f
        call    putc
        inc     di
        jmp     puts
1:      ret

begin:  .asciz  "bench: begin "
sum:    .asciz  "bench: sum "
ending: .asciz  "bench: end "
status: .asciz  " 0"
zeros:  .asciz  " "
digits: .ascii  "0123456789abcdef"
integer_name:   .asciz "integer"
memory_name:    .asciz "memory"
farcalls_name:  .asciz "farcalls"
strings_name:   .asciz "strings"
repeated_name:  .asciz "repeated"
sort_name:      .asciz "sort"
interrupts_name: .asciz "interrupts"

# Sums, shifts, products and branches on 16-bit registers, 8-bit halves among them.
integer:
        mov     edi, 30000000
        mov     ax, 1
        mov     bx, 0x1234
        xor     dx, dx
1:      add     ax, bx
        rol     bx, 3
        xor     bl, ah
        adc     dx, ax
        imul    ax, ax, 25173
        add     ax, 13849
        test    ah, 1
        jz      2f
        sub     dx, bx
2:      inc     bh
        dec     edi
        jnz     1b
        shl     edx, 16
        movzx   eax, ax
        or      eax, edx
        ret

# Words of a whole segment: each is read, changed and added up.
memory: mov     bp, 400
        xor     ebx, ebx
1:      xor     si, si
2:      mov     ax, [si]
        add     ax, si
        mov     [si], ax
        xor     ah, 0x55
        movzx   eax, ax
        add     ebx, eax
        add     si, 2
        jnz     2b
        dec     bp
        jnz     1b
        mov     eax, ebx
        ret

# Calls to another segment, which loads a segment register of its own.
farcalls:
        mov     edi, 6000000
        xor     ax, ax
1:      mov     bx, di
        and     bl, 0xfe                # a word at FFFFh would exceed the limit
        .byte   0x9a                    # call OTHER:far
        .word   far_function, OTHER
        dec     edi
        jnz     1b
        movzx   eax, ax
        ret
far_function:
        push    ds
        push    MORE
        pop     ds
        add     ax, bx
        mov     ds:[bx], ax
        pop     ds
        retf

# String instructions one by one, through two segments.
strings:
        mov     bp, 200
        xor     edx, edx
1:      xor     si, si
        xor     di, di
        mov     cx, 0xffff
2:      lodsb
        add     al, cl
        stosb
        add     dl, al
        loop    2b
        dec     bp
        jnz     1b
        mov     eax, edx
        ret

# Repeated ones, between places that are not aligned to pages.
repeated:
        mov     bp, 20000
        mov     ax, 0x1234
1:      mov     di, 0x10
        mov     cx, 0x3000
        rep stosw
        mov     si, 0x8004
        mov     di, 0x7000
        mov     cx, 0x3000
        rep movsw
        inc     ax
        dec     bp
        jnz     1b
        mov     eax, es:[0x6000]
        ret

# Shell's sort of 16384 words, again and again.
sort:   mov     word ptr es:[0], 40
1:      mov     ax, 7
        xor     si, si
2:      imul    ax, ax, 25173
        add     ax, 13849
        mov     [si], ax
        add     si, 2
        cmp     si, 0x8000
        jne     2b
        mov     bp, 0x2aaa              # distances in bytes: divided by 3, and even
3:      mov     si, bp
4:      cmp     si, 0x8000
        jae     7f
        mov     ax, [si]
        mov     di, si
5:      mov     bx, di
        sub     bx, bp
        jb      6f
        mov     dx, [bx]
        cmp     dx, ax
        jbe     6f
        mov     [di], dx
        mov     di, bx
        jmp     5b
6:      mov     [di], ax
        add     si, 2
        jmp     4b
7:      cmp     bp, 2
        je      8f
        mov     ax, bp
        xor     dx, dx
        mov     cx, 3
        div     cx
        and     ax, 0xfffe
        mov     bp, ax
        cmp     bp, 2
        jae     3b
        mov     bp, 2
        jmp     3b
8:      dec     word ptr es:[0]
        jnz     1b
        xor     eax, eax
        xor     si, si
9:      rol     eax, 1
        xor     ax, [si]
        add     si, 2
        cmp     si, 0x8000
        jne     9b
        ret

# Software interrupts, as calls of firmware are.
interrupts:
        mov     edi, 3000000
        xor     ax, ax
1:      int     VECTOR
        dec     edi
        jnz     1b
        movzx   eax, ax
        ret
handler:
        inc     ax
        iret

        .org    0xfff0
        .byte   0xea                    # jmp f000:start
        .word   start, 0xf000
        .org    0x10000
