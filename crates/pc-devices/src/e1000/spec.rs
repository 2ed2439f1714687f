//! Registers of the 82540EM by the names of its manual.

use bitflags::bitflags;

/// Bytes of the registers in memory (base address register 0)
pub(super) const MEMORY_LEN: u32 = 0x2_0000;
/// Ports (base address register 1), of which IOADDR and IODATA are the first eight
pub(super) const IO_LEN: u32 = 0x40;
/// Offset of IOADDR among the ports
pub(super) const IOADDR: u16 = 0;
/// Offset of IODATA among the ports
pub(super) const IODATA: u16 = 4;

/// Offsets of registers, as Table 13-2 lists them.
#[rustfmt::skip]
pub(super) mod offset {
    pub(in super::super) const CTRL: u32 = 0x0000;
    /// CTRL once more
    pub(in super::super) const CTRL_DUP: u32 = 0x0004;
    pub(in super::super) const STATUS: u32 = 0x0008;
    pub(in super::super) const EECD: u32 = 0x0010;
    pub(in super::super) const EERD: u32 = 0x0014;
    pub(in super::super) const CTRL_EXT: u32 = 0x0018;
    pub(in super::super) const MDIC: u32 = 0x0020;
    pub(in super::super) const VET: u32 = 0x0038;
    pub(in super::super) const ICR: u32 = 0x00c0;
    pub(in super::super) const ITR: u32 = 0x00c4;
    pub(in super::super) const ICS: u32 = 0x00c8;
    pub(in super::super) const IMS: u32 = 0x00d0;
    pub(in super::super) const IMC: u32 = 0x00d8;
    pub(in super::super) const RCTL: u32 = 0x0100;
    pub(in super::super) const TCTL: u32 = 0x0400;
    pub(in super::super) const RDBAL: u32 = 0x2800;
    pub(in super::super) const RDT: u32 = 0x2818;
    pub(in super::super) const RDTR: u32 = 0x2820;
    pub(in super::super) const RADV: u32 = 0x282c;
    pub(in super::super) const RSRPD: u32 = 0x2c00;
    pub(in super::super) const TDBAL: u32 = 0x3800;
    pub(in super::super) const TDT: u32 = 0x3818;
    pub(in super::super) const TIDV: u32 = 0x3820;
    pub(in super::super) const TADV: u32 = 0x382c;
    pub(in super::super) const STATISTICS: u32 = 0x4000;
    pub(in super::super) const RXCSUM: u32 = 0x5000;
    pub(in super::super) const MTA: u32 = 0x5200;
    pub(in super::super) const RA: u32 = 0x5400;
    pub(in super::super) const VFTA: u32 = 0x5600;
}

/// Registers that only hold their value here, with what it is after a reset: FCAL, FCAH, FCT, FCTTV, TXCW, TIPG, AIT,
/// LEDCTL, PBA, FCRTL, FCRTH, RXDCTL, TXDMAC, TXDCTL, TSPMT, WUC, WUFC, WUS, MANC, IPAV, IP4AT and WUPL.
#[rustfmt::skip]
pub(super) const PLAIN: [(u32, u32); 30] = [
    (0x0028, 0), (0x002c, 0), (0x0030, 0), (0x0170, 0), (0x0178, 0), (0x0410, 0), (0x0458, 0),
    (0x0e00, 0x0000_0602), (0x1000, 0x0010_0030),
    (0x2160, 0), (0x2168, 0), (0x2828, 0), (0x3000, 0), (0x3828, 0), (0x3830, 0),
    (0x5800, 0), (0x5808, 0), (0x5810, 0), (0x5820, 0x0022_2300), (0x5838, 0),
    (0x5840, 0), (0x5844, 0), (0x5848, 0), (0x584c, 0), (0x5850, 0), (0x5854, 0), (0x5858, 0), (0x585c, 0),
    (0x5900, 0), (0x001c, 0),
];

/// Places of the 82542 where some registers also are, from the first to the last, with where they begin now.
pub(super) const ALIASES: [(u32, u32, u32); 7] = [
    (0x0040, 0x00bc, offset::RA),
    (0x0108, 0x0108, offset::RDTR),
    (0x0110, 0x0128, offset::RDBAL),
    (0x0200, 0x03fc, offset::MTA),
    (0x0420, 0x0438, offset::TDBAL),
    (0x0440, 0x0440, offset::TIDV),
    (0x0600, 0x07fc, offset::VFTA),
];

bitflags! {
    /// Device control: the bits that do something here.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Ctrl: u32 {
        const FD = 1;
        const SLU = 1 << 6;
        const SPEED_1000 = 2 << 8;
        const SWDPIN0 = 1 << 18;
        const SWDPIN2 = 1 << 20;
        /// Reset of all but PCI configuration and PHY; clears itself
        const RST = 1 << 26;
        /// VLAN tags are inserted and removed
        const VME = 1 << 30;
        /// Reset of the PHY
        const PHY_RST = 1 << 31;
    }

    /// Extended device control.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct CtrlExt: u32 {
        /// What comes from the EEPROM is read again; clears itself
        const EE_RST = 1 << 13;
    }

    /// Interrupt causes, as ICR, ICS, IMS and IMC have them.
    ///
    /// SPEC: intel-8254x :: 13.4.17 Interrupt Cause Read Register -> Table 13-63
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Cause: u32 {
        /// A transmit descriptor was written back
        const TXDW = 1;
        /// The transmit queue is empty
        const TXQE = 1 << 1;
        /// The link went up or down
        const LSC = 1 << 2;
        /// Few receive descriptors are left
        const RXDMT0 = 1 << 4;
        /// Receiver overrun: a frame was lost because no descriptor was free
        const RXO = 1 << 6;
        /// A frame was received, and the timers have run out
        const RXT0 = 1 << 7;
        /// An access to the PHY is done
        const MDAC = 1 << 9;
        /// A small frame was received
        const SRPD = 1 << 16;
        const ALL = 0x0001_ffff;
    }

    /// Receive control.
    ///
    /// SPEC: intel-8254x :: 13.4.22 Receive Control Register -> the bits that do something here
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Rctl: u32 {
        const EN = 1 << 1;
        /// All unicast frames are accepted
        const UPE = 1 << 3;
        /// All multicast frames are accepted
        const MPE = 1 << 4;
        /// Frames of more than 1522 bytes are accepted
        const LPE = 1 << 5;
        /// Both bits of LBM: the transmitter is connected to the receiver
        const LOOPBACK = 3 << 6;
        /// Broadcasts are accepted
        const BAM = 1 << 15;
        /// VLANs are filtered
        const VFE = 1 << 18;
        /// Sizes of buffers are sixteen times as large
        const BSEX = 1 << 25;
        /// The frame check sequence is not stored
        const SECRC = 1 << 26;
    }

    /// Transmit control.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Tctl: u32 {
        const EN = 1 << 1;
        /// Short frames are padded
        const PSP = 1 << 3;
    }

    /// EEPROM control: four wires, request and grant.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Eecd: u32 {
        const SK = 1;
        const CS = 1 << 1;
        const DI = 1 << 2;
        const DO = 1 << 3;
        const FWE = 3 << 4;
        const REQ = 1 << 6;
        const GNT = 1 << 7;
        const PRES = 1 << 8;
    }

    /// Receive checksum control. Bits 7:0 are where the packet's checksum starts.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Rxcsum: u32 {
        const IPOFL = 1 << 8;
        const TUOFL = 1 << 9;
    }

    /// Status of a receive descriptor.
    ///
    /// SPEC: intel-8254x :: 3.2.3.1 Receive Descriptor Status Field -> Table 3-2
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct RxStatus: u8 {
        const DD = 1;
        const EOP = 1 << 1;
        /// Checksums were not looked at
        const IXSM = 1 << 2;
        /// The frame had a VLAN tag, which is in the descriptor
        const VP = 1 << 3;
        const TCPCS = 1 << 5;
        const IPCS = 1 << 6;
        /// The frame passed by an inexact filter
        const PIF = 1 << 7;
    }

    /// Errors of a receive descriptor.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct RxErrors: u8 {
        const TCPE = 1 << 5;
        const IPE = 1 << 6;
    }

    /// Command byte of a transmit descriptor.
    ///
    /// SPEC: intel-8254x :: 3.3.7 TCP/IP Data Descriptor Format -> as in legacy descriptors, but bit 2 is TSE rather than IC
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct TxCommand: u8 {
        const EOP = 1;
        /// A checksum is inserted (legacy descriptors), or the packet is segmented (others)
        const IC_TSE = 1 << 2;
        const RS = 1 << 3;
        const DEXT = 1 << 5;
        const VLE = 1 << 6;
        const IDE = 1 << 7;
    }
}

/// Status of the card: 1000 Mbit/s full duplex over the internal PHY, as in QEMU.
pub(super) const STATUS: u32 = 0x8008_0781;
/// The link is up.
pub(super) const STATUS_LU: u32 = 1 << 1;
/// RAH: the address is valid.
pub(super) const RAH_AV: u32 = 1 << 31;
/// Writable bits of RAH.
pub(super) const RAH_BITS: u32 = 0x8003_ffff;
/// Ether type of a VLAN tag after a reset.
pub(super) const VLAN: u32 = 0x8100;
/// Descriptor lengths are multiples of 128 bytes.
pub(super) const RING_LEN: u32 = 0x000f_ff80;
/// RDTR and TIDV: the timer expires at once.
pub(super) const FPD: u32 = 1 << 31;
/// POPTS: the IP checksum is inserted.
pub(super) const POPTS_IXSM: u8 = 1;
/// POPTS: the TCP or UDP checksum is inserted.
pub(super) const POPTS_TXSM: u8 = 2;
/// Descriptor type of a context.
pub(super) const DTYP_CONTEXT: u8 = 0;
/// Descriptor type of data.
pub(super) const DTYP_DATA: u8 = 1;
/// TUCMD: TCP rather than UDP.
pub(super) const TUCMD_TCP: u8 = 1;
/// TUCMD: IPv4 rather than IPv6.
pub(super) const TUCMD_IP: u8 = 2;
/// TUCMD: the context is for segmentation.
pub(super) const TUCMD_TSE: u8 = 4;

/// Fields of EERD on the 82540EM. The address is in 15:8, the data in 31:16.
///
/// SPEC: intel-8254x :: 5.3.1 Software Access -> address and start are written, done and data are read
pub(super) mod eerd {
    pub(in super::super) const START: u32 = 1;
    pub(in super::super) const DONE: u32 = 1 << 4;
}

/// Fields of MDIC: data 15:0, register 20:16, PHY 25:21, operation 27:26, and these.
pub(super) mod mdic {
    pub(in super::super) const WRITE: u32 = 1;
    pub(in super::super) const READ: u32 = 2;
    pub(in super::super) const READY: u32 = 1 << 28;
    pub(in super::super) const INTERRUPT: u32 = 1 << 29;
    pub(in super::super) const ERROR: u32 = 1 << 30;
}
