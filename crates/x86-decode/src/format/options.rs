//! How instructions are written.

use core::fmt;

/// A syntax of assembly language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Syntax {
    /// As NASM reads it: `mov eax,[rdi+rcx*4+8h]`, `inc dword [rax]`
    #[default]
    Nasm,
    /// Intel syntax as GNU tools and MASM write it: `mov eax,DWORD PTR [rdi+rcx*4+0x8]`
    Intel,
    /// AT&T syntax, as GNU tools write it: `mov 0x8(%rdi,%rcx,4),%eax`
    Att,
}

/// How numbers are written. All are hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Numbers {
    /// With a suffix, upper case, and a zero before a letter: `0FFh`
    #[default]
    Suffix,
    /// With a prefix, lower case: `0xff`
    Prefix,
}

/// When the size of a memory operand is written. AT&T syntax has suffixes of the mnemonic instead, as GNU tools write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum MemorySizes {
    /// If no register operand determines it
    #[default]
    AsNeeded,
    /// Everywhere, unless only an address is meant
    Always,
}

/// The name of an address; see [`FormatOptions::symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Symbol<'a> {
    /// The symbol's name
    pub name: &'a str,
    /// How far the address lies behind the symbol
    pub offset: u64,
}

/// Returns the symbol of an address, `None` if it has none.
pub type SymbolResolver<'a> = dyn Fn(u64) -> Option<Symbol<'a>> + 'a;

/// How [`Instruction::display_with`](crate::Instruction::display_with) writes.
///
/// ```
/// use x86_decode::{CodeSize, FormatOptions, Numbers, decode};
///
/// // mov eax,[rbp-10h]
/// let insn = decode(CodeSize::Bits64, &[0x8b, 0x45, 0xf0]).unwrap();
/// let text = |options| insn.display_with(0, options).to_string();
/// assert_eq!(text(FormatOptions::nasm()), "mov eax,[rbp-10h]");
/// assert_eq!(text(FormatOptions::intel()), "mov eax,DWORD PTR [rbp-0x10]");
/// assert_eq!(text(FormatOptions::att()), "mov -0x10(%rbp),%eax");
/// assert_eq!(text(FormatOptions::nasm().numbers(Numbers::Prefix)), "mov eax,[rbp-0x10]");
/// assert_eq!(
///     text(FormatOptions::intel().signed_displacements(false)),
///     "mov eax,DWORD PTR [rbp+0xfffffffffffffff0]"
/// );
/// ```
#[derive(Clone, Copy)]
pub struct FormatOptions<'a> {
    pub(super) syntax: Syntax,
    pub(super) numbers: Numbers,
    pub(super) sizes: MemorySizes,
    pub(super) signed: bool,
    pub(super) resolve_rip: bool,
    pub(super) space: bool,
    pub(super) symbols: Option<&'a SymbolResolver<'a>>,
}

impl<'a> FormatOptions<'a> {
    /// Returns options for NASM's syntax: numbers with a suffix, sizes where they are needed, RIP-relative operands as
    /// `[rel 1016h]`.
    pub const fn nasm() -> Self {
        Self {
            syntax: Syntax::Nasm,
            numbers: Numbers::Suffix,
            sizes: MemorySizes::AsNeeded,
            signed: true,
            resolve_rip: true,
            space: false,
            symbols: None,
        }
    }

    /// Returns options for Intel syntax as `objdump -M intel` writes it.
    pub const fn intel() -> Self {
        Self {
            syntax: Syntax::Intel,
            numbers: Numbers::Prefix,
            sizes: MemorySizes::Always,
            resolve_rip: false,
            ..Self::nasm()
        }
    }

    /// Returns options for AT&T syntax as `objdump` writes it.
    pub const fn att() -> Self {
        Self { syntax: Syntax::Att, ..Self::intel() }
    }

    /// Sets how numbers are written. GNU's assembler reads those with a prefix alone.
    pub const fn numbers(mut self, numbers: Numbers) -> Self {
        self.numbers = numbers;
        self
    }

    /// Sets when sizes of memory operands are written.
    pub const fn memory_sizes(mut self, sizes: MemorySizes) -> Self {
        self.sizes = sizes;
        self
    }

    /// Sets whether displacements beside a register have a sign (`-10h`), or are cut to the address size.
    pub const fn signed_displacements(mut self, signed: bool) -> Self {
        self.signed = signed;
        self
    }

    /// Sets whether a RIP-relative operand is written as the address that it names, or as `rip` and a displacement.
    pub const fn resolve_rip(mut self, resolve: bool) -> Self {
        self.resolve_rip = resolve;
        self
    }

    /// Sets whether a space follows the commas between operands.
    pub const fn space_after_comma(mut self, space: bool) -> Self {
        self.space = space;
        self
    }

    /// Sets what resolves the addresses of branch targets and of memory operands without a base register, or relative to
    /// RIP, to symbols. These are written in place of the number.
    ///
    /// ```
    /// use x86_decode::{CodeSize, FormatOptions, Symbol, decode};
    ///
    /// let symbols = |address: u64| match address {
    ///     0x1000..0x1100 => Some(Symbol { name: "main", offset: address - 0x1000 }),
    ///     _ => None,
    /// };
    /// let insn = decode(CodeSize::Bits64, &[0xeb, 0x0e]).unwrap();
    /// let options = FormatOptions::intel().symbols(&symbols);
    /// assert_eq!(insn.display_with(0x1000, options).to_string(), "jmp main+0x10");
    /// ```
    pub const fn symbols(mut self, resolver: &'a SymbolResolver<'a>) -> Self {
        self.symbols = Some(resolver);
        self
    }

    /// Writes `value` in hexadecimal.
    pub(super) fn number(&self, f: &mut fmt::Formatter<'_>, value: u64) -> fmt::Result {
        match self.numbers {
            Numbers::Prefix => write!(f, "{value:#x}"),
            Numbers::Suffix => {
                let digits = (64 - value.leading_zeros()).div_ceil(4).max(1);
                let zero = if value >> (4 * (digits - 1)) > 9 { "0" } else { "" };
                write!(f, "{zero}{value:X}h")
            }
        }
    }

    /// Writes an address: its symbol if it has one.
    pub(super) fn address(&self, f: &mut fmt::Formatter<'_>, address: u64) -> fmt::Result {
        let Some(symbol) = self.symbols.and_then(|resolver| resolver(address)) else {
            return self.number(f, address);
        };
        f.write_str(symbol.name)?;
        if symbol.offset != 0 {
            f.write_str("+")?;
            self.number(f, symbol.offset)?;
        }
        Ok(())
    }
}

impl Default for FormatOptions<'_> {
    /// Returns [`FormatOptions::nasm`].
    fn default() -> Self {
        Self::nasm()
    }
}

impl fmt::Debug for FormatOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { syntax, numbers, sizes, signed, resolve_rip, space, symbols } = self;
        f.debug_struct("FormatOptions")
            .field("syntax", syntax)
            .field("numbers", numbers)
            .field("memory_sizes", sizes)
            .field("signed_displacements", signed)
            .field("resolve_rip", resolve_rip)
            .field("space_after_comma", space)
            .field("symbols", &symbols.is_some())
            .finish()
    }
}
