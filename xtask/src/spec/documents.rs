//! The documents that the code may cite.

/// What a citation's section looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// `7.15 Exception and Interrupt Reference`
    Numbered,
    /// Numbered, or an instruction's heading such as `CPUID—CPU Identification`
    NumberedOrInstruction,
    /// Any heading
    Free,
}

/// A document by its short name.
pub(crate) struct Document {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) form: Form,
    /// The parts of the document that the cited sections were compared with; `None` where that was not done
    pub(crate) compared: Option<&'static str>,
}

const fn document(id: &'static str, title: &'static str, form: Form) -> Document {
    Document { id, title, form, compared: None }
}

impl Document {
    /// The same, with the parts of it that the cited sections were compared with.
    const fn compared(self, with: &'static str) -> Self {
        Self { compared: Some(with), ..self }
    }
}

/// Every document, in the order of the index.
pub(crate) const DOCUMENTS: &[Document] = &[
    document("intel-sdm-vol1", "Intel SDM, volume 1: Basic Architecture", Form::Numbered)
        .compared(
            "the text of chapter 11; citations elsewhere of single sections",
        ),
    document("intel-sdm-vol2", "Intel SDM, volume 2: Instruction Set Reference", Form::NumberedOrInstruction)
        .compared(
            "the index of instructions up to VZEROUPPER of revision 091 (March 2026), the contents of chapter 2 of revision 079 (March 2023)",
        ),
    document("intel-sdm-vol3", "Intel SDM, volume 3: System Programming Guide", Form::Numbered)
        .compared(
            "citations elsewhere of single sections (7.8.3, 10.4.3)",
        ),
    document("intel-sdm-vol4", "Intel SDM, volume 4: Model-Specific Registers", Form::Numbered),
    document("amd-apm-vol1", "AMD APM, volume 1: Application Programming", Form::Numbered),
    document("amd-apm-vol2", "AMD APM, volume 2: System Programming", Form::Numbered),
    document(
        "amd-apm-vol3",
        "AMD APM, volume 3: General-Purpose and System Instructions",
        Form::NumberedOrInstruction,
    ),
    document("wasm-3.0-core", "WebAssembly Core Specification 3.0", Form::Numbered),
    document("acpi-6.5", "Advanced Configuration and Power Interface 6.5", Form::Numbered),
    document("pci-local-bus-3.0", "PCI Local Bus Specification 3.0", Form::Numbered),
    document("linux-boot-protocol", "Linux: The Linux/x86 Boot Protocol", Form::Free),
    document("linux-initramfs-buffer-format", "Linux: initramfs buffer format", Form::Free),
    document("qemu-fw-cfg", "QEMU Firmware Configuration (fw_cfg) Device", Form::Free)
        .compared("all of it"),
    document("intel-mp-1.4", "MultiProcessor Specification 1.4", Form::Numbered),
    document("bios-boot-specification-1.01", "BIOS Boot Specification 1.01", Form::Numbered),
    document("w3c-uievents-code", "UI Events KeyboardEvent code Values", Form::Numbered),
    document("multiboot-1", "Multiboot Specification 0.6.96", Form::Numbered),
    document("elf-1.2", "Executable and Linking Format 1.2", Form::Free),
    document("intel-8237a", "8237A High Performance Programmable DMA Controller", Form::Free),
    document(
        "intel-8254x",
        "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (8254x)",
        Form::Numbered,
    ),
    document("intel-8254", "82C54 Programmable Interval Timer", Form::Free),
    document("intel-8259a", "8259A Programmable Interrupt Controller", Form::Free),
    document("intel-82093aa", "82093AA I/O Advanced Programmable Interrupt Controller", Form::Free),
    document("intel-82441fx", "82441FX PCI and Memory Controller (PMC)", Form::Free),
    document("intel-82371sb", "82371SB PCI ISA IDE Xcelerator (PIIX3)", Form::Free),
    document("intel-82077aa", "82077AA CHMOS Single-Chip Floppy Disk Controller", Form::Free)
        .compared(
            "pages 22 to 39 of the data sheet",
        ),
    document("intel-8272a", "8272A Single/Double Density Floppy Disk Controller", Form::Free),
    document("intel-82078", "82078 CHMOS Single-Chip Floppy Disk Controller", Form::Free),
    document("intel-82371ab", "82371AB PCI-to-ISA / IDE Xcelerator (PIIX4)", Form::Free),
    document("ata-atapi-5", "AT Attachment with Packet Interface 5 (ATA/ATAPI-5)", Form::Free),
    document("ata-atapi-6", "AT Attachment with Packet Interface 6 (ATA/ATAPI-6)", Form::Free),
    document("mmc-5", "Multi-Media Commands 5 (MMC-5)", Form::Free),
    document("bus-master-ide-1.0", "Programming Interface for Bus Master IDE Controller 1.0", Form::Free),
    document(
        "intel-28f640j3",
        "3 Volt Intel StrataFlash Memory (28F128J3A, 28F640J3A, 28F320J3A)",
        Form::Free,
    ),
    document("intel-hpet-1.0a", "IA-PC HPET Specification 1.0a", Form::Numbered),
    document("intel-ich9", "I/O Controller Hub 9 (ICH9) Family Datasheet", Form::Free),
    document("ibm-ps2-hitrc", "PS/2 Hardware Interface Technical Reference: Common Interfaces", Form::Free),
    document("mc146818", "MC146818 Real-Time Clock Plus RAM", Form::Free),
    document("ns16550a", "PC16550D Universal Asynchronous Receiver/Transmitter With FIFOs", Form::Free),
    document("freevga", "FreeVGA: Hardware Level VGA and SVGA Video Programming", Form::Free),
    document("bochs-vbe-dispi", "Bochs: VBE Display API", Form::Free),
    document("qemu-standard-vga", "QEMU: Standard VGA", Form::Free)
        .compared("all of it"),
    document("creative-sb-guide", "Sound Blaster Series Hardware Programming Guide", Form::Free)
        .compared(
            "the contents of the guide of 1996",
        ),
    document("lee-adlib", "Programming the AdLib/Sound Blaster FM Music Chips", Form::Free),
    document("ieee-754-2008", "IEEE Standard for Floating-Point Arithmetic 2008", Form::Numbered),
];

/// Returns the document of this short name.
pub(crate) fn find(id: &str) -> Option<&'static Document> {
    DOCUMENTS.iter().find(|document| document.id == id)
}
