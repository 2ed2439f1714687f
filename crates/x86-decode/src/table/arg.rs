//! Operand specifications: where an operand is encoded, and how wide it is.
#![allow(non_upper_case_globals)] // the manual's own notation

/// Where an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    None,
    /// E: general register or memory by ModRM.rm
    E,
    /// G: general register by ModRM.reg
    G,
    /// R: general register by ModRM.rm, register form only
    R,
    /// As R, with ModRM.mod ignored (MOV to and from control and debug registers)
    RAny,
    /// M: memory by ModRM.rm
    M,
    /// Z: general register by the opcode's low three bits
    Z,
    /// B: general register by VEX.vvvv
    B,
    /// AL, AX, EAX or RAX
    Acc,
    /// CL
    Cl,
    /// DX
    Dx,
    /// S: segment register by ModRM.reg
    S,
    /// As S, for a destination: CS is not allowed
    SLoad,
    Es,
    Cs,
    Ss,
    Ds,
    Fs,
    Gs,
    /// C: control register by ModRM.reg
    C,
    /// D: debug register by ModRM.reg
    D,
    /// ST(0)
    St0,
    /// ST(i) by ModRM.rm
    Sti,
    /// P: MMX register by ModRM.reg
    P,
    /// Q: MMX register or memory by ModRM.rm
    Q,
    /// N: MMX register by ModRM.rm
    N,
    /// V: vector register by ModRM.reg
    V,
    /// W: vector register or memory by ModRM.rm
    W,
    /// U: vector register by ModRM.rm
    U,
    /// H: vector register by VEX.vvvv
    H,
    /// L: vector register by bits 7:4 of an immediate byte
    L,
    /// I: immediate, zero-extended if a byte or word, else sign-extended
    I,
    /// Immediate byte, sign-extended
    Ibs,
    /// Immediate of the full operand size, zero-extended
    Iv,
    /// Second immediate byte
    I2,
    /// The constant 1
    One,
    /// J: relative displacement
    J,
    /// A: far pointer in the instruction
    A,
    /// O: memory offset in the instruction
    O,
    /// Memory by SIB with a vector index
    Vm,
}

/// How wide an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Size {
    None,
    /// Byte
    B,
    /// Word
    W,
    /// Doubleword
    D,
    /// Quadword
    Q,
    /// By operand size
    V,
    /// By operand size, at most 32 bits
    Z,
    /// 64 bits with REX.W or VEX.W in 64-bit mode, else 32
    Y,
    /// By operand size as a register, a word in memory
    VMw,
    /// As `Y` as a register, a byte in memory
    YMb,
    /// As `Y` as a register, a word in memory
    YMw,
    /// As `Y` as a register, a doubleword in memory
    YMd,
    /// 80 bits
    T,
    /// Far pointer or pseudo-descriptor
    Far,
    /// 128 bits
    Dq,
    /// 256 bits
    Qq,
    /// 128 or 256 bits by VEX.L
    X,
    /// An XMM register, or half of `X` in memory
    Half,
    /// An XMM register, or a quarter of `X` in memory
    Quarter,
    /// An XMM register, or an eighth of `X` in memory
    Eighth,
}

/// One operand specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arg {
    pub(crate) class: Class,
    pub(crate) size: Size,
    /// Its number, by which templates are shared
    pub(crate) id: u8,
}

macro_rules! args {
    ($($name:ident = $class:ident $size:ident;)*) => {
        enum Id { $($name),* }
        $(pub(crate) const $name: Arg = Arg { class: Class::$class, size: Size::$size, id: Id::$name as u8 };)*
    };
}

/// No operand; its number is that of none.
pub(crate) const NONE: Arg = Arg { class: Class::None, size: Size::None, id: u8::MAX };

args! {
    Eb = E B; Ew = E W; Ev = E V; Ez = E Z; Ey = E Y; EvMw = E VMw; EyMb = E YMb; EyMw = E YMw;
    EyMd = E YMd; Gm = G V;
    Gb = G B; Gw = G W; Gv = G V; Gy = G Y;
    Rv = R V; Ry = R Y; Rm = RAny V;
    M = M None; Mw = M W; Md = M D; Mq = M Q; Mv = M V; My = M Y; Mt = M T; Mp = M Far; Mdq = M Dq;
    Mx = M X;
    Zb = Z B; Zv = Z V; By = B Y;
    Al = Acc B; Ax = Acc W; Az = Acc Z; Av = Acc V; Cl = Cl B; Dx = Dx W;
    Es = Es W; Cs = Cs W; Ss = Ss W; Ds = Ds W; Fs = Fs W; Gs = Gs W; Sw = S W; SwLoad = SLoad W;
    Cd = C V; Dd = D V;
    St0 = St0 T; Sti = Sti T;
    Pq = P Q; Qq = Q Q; Qd = Q D; Nq = N Q;
    Vdq = V Dq; Vx = V X; Vqq = V Qq;
    Wb = W B; Ww = W W; Wd = W D; Wq = W Q; Wdq = W Dq; Wqq = W Qq; Wx = W X; Wh = W Half; Wqt = W Quarter;
    We = W Eighth;
    Udq = U Dq; Ux = U X;
    Hdq = H Dq; Hx = H X; Hqq = H Qq;
    Lx = L X;
    Ib = I B; Iw = I W; Iz = I Z; Ibs = Ibs B; Iv = Iv V; I2 = I2 B; One = One B;
    Jb = J B; Jz = J Z; Ap = A Far; Ob = O B; Ov = O V;
    VMd = Vm D; VMq = Vm Q;
}
