//! Where this decoder differs from iced-x86 on purpose.

use x86_decode::Op;

/// Extensions that this decoder leaves undefined.
pub const UNSUPPORTED: &[&str] = &[];

/// iced's mnemonics that have another name here; `None` for what is undefined here.
pub const NAMES: &[(&str, Option<Op>)] = &[
    ("cbw", Some(Op::Cbw)),
    ("cwde", Some(Op::Cbw)),
    ("cdqe", Some(Op::Cbw)),
    ("cwd", Some(Op::Cwd)),
    ("cdq", Some(Op::Cwd)),
    ("cqo", Some(Op::Cwd)),
    ("pushfd", Some(Op::Pushf)),
    ("pushfq", Some(Op::Pushf)),
    ("popfd", Some(Op::Popf)),
    ("popfq", Some(Op::Popf)),
    ("pushad", Some(Op::Pusha)),
    ("popad", Some(Op::Popa)),
    ("iretd", Some(Op::Iret)),
    ("iretq", Some(Op::Iret)),
    ("retf", Some(Op::RetFar)),
    ("xlatb", Some(Op::Xlat)),
    ("jecxz", Some(Op::Jcxz)),
    ("jrcxz", Some(Op::Jcxz)),
    ("movsb", Some(Op::Movs)),
    ("movsw", Some(Op::Movs)),
    ("movsq", Some(Op::Movs)),
    ("cmpsb", Some(Op::Cmps)),
    ("cmpsw", Some(Op::Cmps)),
    ("cmpsq", Some(Op::Cmps)),
    ("stosb", Some(Op::Stos)),
    ("stosw", Some(Op::Stos)),
    ("stosd", Some(Op::Stos)),
    ("stosq", Some(Op::Stos)),
    ("lodsb", Some(Op::Lods)),
    ("lodsw", Some(Op::Lods)),
    ("lodsd", Some(Op::Lods)),
    ("lodsq", Some(Op::Lods)),
    ("scasb", Some(Op::Scas)),
    ("scasw", Some(Op::Scas)),
    ("scasd", Some(Op::Scas)),
    ("scasq", Some(Op::Scas)),
    ("insb", Some(Op::Ins)),
    ("insw", Some(Op::Ins)),
    ("insd", Some(Op::Ins)),
    ("outsb", Some(Op::Outs)),
    ("outsw", Some(Op::Outs)),
    ("outsd", Some(Op::Outs)),
    ("sal", Some(Op::Shl)),
    ("wait", Some(Op::Fwait)),
    ("sysretq", Some(Op::Sysret)),
    ("sysexitq", Some(Op::Sysexit)),
    ("fxsave64", Some(Op::Fxsave)),
    ("fxrstor64", Some(Op::Fxrstor)),
    ("xsave64", Some(Op::Xsave)),
    ("xrstor64", Some(Op::Xrstor)),
    ("xsaveopt64", Some(Op::Xsaveopt)),
];

/// Operations whose operands are not compared.
pub const OPERANDS: &[(Op, &str)] = &[
    (Op::Nop, "reserved NOPs keep ModRM.rm alone"),
    (Op::Xlat, "the memory operand is implicit here"),
    (Op::Maskmovq, "the memory operand is implicit here"),
    (Op::Maskmovdqu, "the memory operand is implicit here"),
    (Op::Vmaskmovdqu, "the memory operand is implicit here"),
];
