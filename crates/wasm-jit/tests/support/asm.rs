//! An assembler of a few lines: bytes, and labels that branches name before or after they are bound.

use super::random::Random;

/// A place in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// Code being written.
#[derive(Clone, Debug, Default)]
pub struct Asm {
    pub bytes: Vec<u8>,
    /// Address of the first byte, for absolute ones
    base: u64,
    labels: Vec<Option<usize>>,
    /// Places of 32-bit distances, and what they lead to
    fixups: Vec<(usize, Label)>,
    /// Places of 32-bit addresses
    addresses: Vec<(usize, Label)>,
}

impl Asm {
    /// Code for an address.
    pub fn at(base: u64) -> Asm {
        Asm { base, ..Asm::default() }
    }

    /// Instructions in hexadecimal; spaces mean nothing.
    pub fn hex(&mut self, code: &str) -> &mut Self {
        self.bytes.extend(super::vectors::bytes(&code.replace(' ', "")));
        self
    }

    pub fn raw(&mut self, code: &[u8]) -> &mut Self {
        self.bytes.extend(code);
        self
    }

    pub fn imm32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub fn here(&self) -> usize {
        self.bytes.len()
    }

    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    pub fn bind(&mut self, label: Label) -> &mut Self {
        self.labels[label.0] = Some(self.bytes.len());
        self
    }

    /// A label right here.
    pub fn mark(&mut self) -> Label {
        let label = self.label();
        self.bind(label);
        label
    }

    fn relative(&mut self, opcode: &[u8], to: Label) -> &mut Self {
        self.raw(opcode);
        self.fixups.push((self.bytes.len(), to));
        self.imm32(0)
    }

    pub fn jmp(&mut self, to: Label) -> &mut Self {
        self.relative(&[0xe9], to)
    }

    pub fn call(&mut self, to: Label) -> &mut Self {
        self.relative(&[0xe8], to)
    }

    pub fn jcc(&mut self, condition: u8, to: Label) -> &mut Self {
        self.relative(&[0x0f, 0x80 | condition & 15], to)
    }

    /// `op [rip+to]` in 64-bit mode: opcode and ModRM of an instruction without an immediate.
    pub fn rip_relative(&mut self, opcode: &[u8], to: Label) -> &mut Self {
        self.relative(opcode, to)
    }

    /// A 32-bit address.
    pub fn address(&mut self, to: Label) -> &mut Self {
        self.addresses.push((self.bytes.len(), to));
        self.imm32(0)
    }

    /// Fills up with INT3 to a distance from the start.
    pub fn org(&mut self, at: usize) -> &mut Self {
        assert!(self.bytes.len() <= at, "{} bytes of code before {at}", self.bytes.len());
        self.bytes.resize(at, 0xcc);
        self
    }

    pub fn offset(&self, label: Label) -> usize {
        self.labels[label.0].unwrap()
    }

    /// The code, with all distances filled in.
    pub fn finish(mut self) -> Vec<u8> {
        for (at, to) in std::mem::take(&mut self.fixups) {
            let distance = self.offset(to) as i64 - (at as i64 + 4);
            self.bytes[at..at + 4].copy_from_slice(&(distance as i32).to_le_bytes());
        }
        for (at, to) in std::mem::take(&mut self.addresses) {
            let address = self.base + self.offset(to) as u64;
            self.bytes[at..at + 4].copy_from_slice(&(address as u32).to_le_bytes());
        }
        self.bytes
    }
}

/// EAX, EDX, EBX, ESI, EDI.
const FREE: [u8; 5] = [0, 2, 3, 6, 7];

fn modrm(random: &mut Random) -> u8 {
    0xc0 | FREE[random.below(5)] << 3 | FREE[random.below(5)]
}

/// One instruction that sets flags, of registers only; none is ECX, ESP or EBP.
pub fn set_flags(asm: &mut Asm, random: &mut Random) {
    let (rm, one) = (modrm(random), 0xc0 | FREE[random.below(5)]);
    if random.below(6) == 0 {
        asm.raw(&[0x66]);
    }
    match random.below(20) {
        n @ 0..8 => asm.raw(&[(n as u8) << 3 | 1, rm]),
        // The same of bytes: AL, DL, BL and their like.
        8 => asm.raw(&[
            (random.below(8) as u8) << 3,
            0xc0 | [0, 2, 3][random.below(3)] << 3 | [0, 2, 3][random.below(3)],
        ]),
        9 | 10 => asm.raw(&[0xff, one | (random.below(2) as u8) << 3]),
        11 => asm.raw(&[0xf7, one | 3 << 3]),
        12 | 13 => asm.raw(&[0xc1, one | [0, 1, 4, 5, 7][random.below(5)] << 3, 1 + random.below(15) as u8]),
        14 => asm.raw(&[0x0f, 0xaf, rm]),
        15 => asm.raw(&[0x0f, 0xba, one | 4 << 3, random.below(16) as u8]),
        16 => asm.raw(&[[0xf8, 0xf9, 0xf5][random.below(3)]]),
        17 => asm.raw(&[0x85, rm]),
        18 => asm.raw(&[0xd3, one | 4 << 3]),
        _ => asm.raw(&[0x0f, 0xa3, rm]),
    };
}

/// One instruction that makes something of the flags.
pub fn read_flags(asm: &mut Asm, random: &mut Random) {
    let (rm, one) = (modrm(random), 0xc0 | FREE[random.below(5)]);
    let condition = random.below(16) as u8;
    match random.below(7) {
        0 => asm.raw(&[0x0f, 0x90 | condition, 0xc0 | [0, 2, 3][random.below(3)]]),
        1 => asm.raw(&[0x0f, 0x40 | condition, rm]),
        2 => asm.raw(&[[0x11, 0x19][random.below(2)], rm]),
        3 => asm.raw(&[0xd1, one | 2 << 3]),
        4 => asm.raw(&[0x9c, 0x58 | FREE[random.below(5)]]),
        _ => {
            let over = asm.label();
            asm.jcc(condition, over).raw(&[0x81, one]).imm32(random.next() as u32).bind(over)
        }
    };
}
