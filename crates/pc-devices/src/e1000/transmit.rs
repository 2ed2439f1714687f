//! The transmitter: descriptors, checksums and segmentation.

use super::checksum;
use super::chip::Chip;
use super::spec::{self, Cause, Ctrl, Tctl, TxCommand};
use super::statistics::counter;
use crate::codec::codec_struct;
use device_api::{DmaMemory, VmTime};
use std::cell::Cell;
use x86_types::GuestPhysAddr;

/// Bytes of the largest frame that is sent; the rest of a longer one is lost.
const LARGEST: usize = 16288;
/// Bytes to which short frames are padded, without the check sequence.
const SMALLEST: usize = 60;
/// Limits of descriptors, and of bytes, per call. The rest is processed a little later, so that a ring of any size does
/// not stall the machine.
const DESCRIPTORS: u32 = 256;
const BYTES: usize = 1 << 20;
/// How much later at least.
const GO_NS: u64 = 100_000;
/// Nanoseconds of a byte at 1000 Mbit/s. A descriptor may be cut into very many small segments: then the transmitter pauses
/// for as long as these take.
const BYTE_NS: u64 = 8;
/// Bytes that a frame takes on the wire beside its own: preamble, check sequence and gap.
const GAP: usize = 24;
/// Bytes of the addresses, behind which a VLAN tag is inserted.
const ADDRESSES: usize = 12;

/// Takes a frame that is complete.
type Send<'a> = dyn FnMut(&mut Chip, &mut dyn DmaMemory, &[u8]) + 'a;

/// The fields of a context descriptor.
///
/// SPEC: intel-8254x :: 3.3.6 TCP/IP Context Transmit Descriptor Format -> starts, ends and offsets of both checksums, sizes of segments
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Context {
    ip_start: u8,
    ip_offset: u8,
    ip_end: u16,
    start: u8,
    offset: u8,
    end: u16,
    command: u8,
    header_len: u8,
    segment_len: u16,
}
codec_struct!(Context { ip_start, ip_offset, ip_end, start, offset, end, command, header_len, segment_len });

impl Context {
    fn parse(descriptor: &[u8; 16]) -> Self {
        let word = |at: usize| u16::from_le_bytes([descriptor[at], descriptor[at + 1]]);
        Self {
            ip_start: descriptor[0],
            ip_offset: descriptor[1],
            ip_end: word(2),
            start: descriptor[4],
            offset: descriptor[5],
            end: word(6),
            command: descriptor[11],
            header_len: descriptor[13],
            segment_len: word(14),
        }
    }
}

/// The packet under way, and the contexts that count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Transmitter {
    /// For packets that are segmented, and for those that are not
    segmented: Context,
    whole: Context,
    /// Something of the packet was taken
    under_way: bool,
    data: Vec<u8>,
    /// POPTS of its first descriptor
    options: u8,
    is_segmented: bool,
    /// Where a legacy descriptor may have a checksum inserted: start and offset
    legacy: Option<(u8, u8)>,
    /// Segments sent
    segments: u32,
    vlan: Option<u16>,
}
codec_struct!(Transmitter {
    segmented,
    whole,
    under_way,
    data,
    options,
    is_segmented,
    legacy,
    segments,
    vlan
});

/// A descriptor.
struct Descriptor {
    bytes: [u8; 16],
    command: TxCommand,
}

impl Descriptor {
    fn address(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.bytes;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    fn is_legacy(&self) -> bool {
        !self.command.contains(TxCommand::DEXT)
    }

    /// DTYP.
    fn kind(&self) -> u8 {
        self.bytes[10] >> 4
    }

    /// Bytes of its buffer: 16 bits in legacy descriptors, 20 in others.
    fn len(&self) -> usize {
        let low = usize::from(u16::from_le_bytes([self.bytes[8], self.bytes[9]]));
        if self.is_legacy() { low } else { low | usize::from(self.bytes[10] & 15) << 16 }
    }
}

impl Chip {
    /// Sends what the ring holds, by `send`.
    ///
    /// SPEC: intel-8254x :: 3.4 Transmit Descriptor Ring Structure -> from head to tail; a descriptor with RS is written back with DD
    pub(super) fn serve_transmitter(&mut self, now: VmTime, memory: &mut dyn DmaMemory, send: &mut Send<'_>) {
        self.resumes_at = None;
        if !self.tctl().contains(Tctl::EN) || self.transmit.owned() == 0 {
            return;
        }
        let mut budget = BYTES;
        let wire = Cell::new(0);
        let mut send = |chip: &mut Chip, memory: &mut dyn DmaMemory, frame: &[u8]| {
            wire.set(wire.get() + frame.len() + GAP);
            send(chip, memory, frame);
        };
        for _ in 0..DESCRIPTORS {
            if self.transmit.owned() == 0 {
                self.cause(Cause::TXQE);
                return;
            }
            let at = self.transmit.address();
            let mut bytes = [0; 16];
            memory.read(GuestPhysAddr(at), &mut bytes);
            let descriptor = Descriptor { bytes, command: TxCommand::from_bits_retain(bytes[11]) };
            if budget < descriptor.len() || wire.get() >= BYTES {
                break;
            }
            budget -= descriptor.len();
            self.take(memory, &descriptor, &mut send);
            if descriptor.command.contains(TxCommand::RS) {
                memory.write(GuestPhysAddr(at.wrapping_add(12)), &[bytes[12] | 1]);
                self.written_back(now, descriptor.command.contains(TxCommand::IDE));
            }
            self.transmit.advance();
        }
        if self.transmit.owned() > 0 {
            self.resumes_at = Some(now + GO_NS.max(wire.get() as u64 * BYTE_NS));
        } else {
            self.cause(Cause::TXQE);
        }
    }

    fn take(&mut self, memory: &mut dyn DmaMemory, descriptor: &Descriptor, send: &mut Send<'_>) {
        let command = descriptor.command;
        if !descriptor.is_legacy() && descriptor.kind() == spec::DTYP_CONTEXT {
            let context = Context::parse(&descriptor.bytes);
            match context.command & spec::TUCMD_TSE {
                0 => self.transmitter.whole = context,
                _ => self.transmitter.segmented = context,
            }
            return;
        }
        if !descriptor.is_legacy() && descriptor.kind() != spec::DTYP_DATA {
            return;
        }
        self.begin(descriptor);
        let packet = &mut self.transmitter;
        let most = match packet.is_segmented {
            true => usize::from(packet.segmented.header_len) + usize::from(packet.segmented.segment_len),
            false => LARGEST,
        };
        let mut address = descriptor.address();
        // Descriptors with the null address transfer no data.
        let mut left = if address == 0 { 0 } else { descriptor.len() };
        while left > 0 {
            if self.transmitter.is_segmented && self.transmitter.data.len() >= most {
                self.send_segment(memory, false, send);
            }
            let packet = &mut self.transmitter;
            let have = packet.data.len();
            let len = left.min(most.saturating_sub(have));
            if len == 0 {
                // Longer than any frame: the rest is lost.
                break;
            }
            packet.data.resize(have + len, 0);
            memory.read(GuestPhysAddr(address), &mut packet.data[have..]);
            address = address.wrapping_add(len as u64);
            left -= len;
        }
        if !command.contains(TxCommand::EOP) {
            return;
        }
        if self.transmitter.is_segmented {
            self.send_segment(memory, true, send);
        } else {
            self.send_whole(memory, command, send);
        }
        let packet = &mut self.transmitter;
        packet.data.clear();
        packet.under_way = false;
    }

    /// Starts a packet: its first descriptor has the options.
    fn begin(&mut self, descriptor: &Descriptor) {
        let command = descriptor.command;
        let wants_tag = command.contains(TxCommand::VLE) && self.ctrl().contains(Ctrl::VME);
        let packet = &mut self.transmitter;
        if wants_tag {
            packet.vlan = Some(u16::from_le_bytes([descriptor.bytes[14], descriptor.bytes[15]]));
        }
        if std::mem::replace(&mut packet.under_way, true) {
            return;
        }
        packet.data.clear();
        packet.vlan = packet.vlan.filter(|_| wants_tag);
        packet.segments = 0;
        packet.legacy = None;
        if descriptor.is_legacy() {
            (packet.options, packet.is_segmented) = (0, false);
            packet.legacy = Some((descriptor.bytes[13], descriptor.bytes[10]));
            return;
        }
        packet.options = descriptor.bytes[13];
        let context = packet.segmented;
        // Without a size of segments there are none, and the packet goes out whole.
        packet.is_segmented =
            command.contains(TxCommand::IC_TSE) && context.segment_len > 0 && context.header_len > 0;
    }

    /// Sends the packet as one frame. For a legacy packet, the command of its last descriptor selects checksum
    /// insertion.
    fn send_whole(&mut self, memory: &mut dyn DmaMemory, command: TxCommand, send: &mut Send<'_>) {
        let mut frame = std::mem::take(&mut self.transmitter.data);
        let legacy = self.transmitter.legacy.filter(|_| command.contains(TxCommand::IC_TSE));
        if let Some((start, offset)) = legacy {
            let _ = checksum::insert(&mut frame, start.into(), offset.into(), 0);
        }
        let context = self.transmitter.whole;
        self.insert_checksums(&mut frame, context);
        self.send_frame(memory, frame, send);
    }

    /// Sends header and payload collected so far as a segment; the header stays for the next.
    ///
    /// SPEC: intel-8254x :: 3.5.9.1 TCP/IP/UDP Header for the First Frame -> lengths, sequence number, FIN and PSH cleared, checksums
    /// SPEC: intel-8254x :: 3.5.9.2 TCP/IP/UDP Header for the Subsequent Frames -> identification counts up, the sequence number grows by the payload before
    fn send_segment(&mut self, memory: &mut dyn DmaMemory, last: bool, send: &mut Send<'_>) {
        let packet = &mut self.transmitter;
        let context = packet.segmented;
        let mut frame = packet.data.clone();
        packet.data.truncate(context.header_len.into());
        let number = packet.segments;
        packet.segments = number.wrapping_add(1);
        update_headers(&mut frame, context, number, last);
        self.insert_checksums(&mut frame, context);
        self.send_frame(memory, frame, send);
        if last {
            self.statistics.count(counter::TSCTC);
        }
    }

    /// SPEC: intel-8254x :: 3.3.7 TCP/IP Data Descriptor Format -> POPTS of the first descriptor says which checksums are inserted
    fn insert_checksums(&mut self, frame: &mut [u8], context: Context) {
        let options = self.transmitter.options;
        if options & spec::POPTS_TXSM != 0 {
            let (start, at) = (usize::from(context.start), usize::from(context.offset));
            let sum = checksum::insert(frame, start, at, context.end.into());
            // A UDP checksum of 0 would mean that there is none.
            if sum == Some(0)
                && context.command & spec::TUCMD_TCP == 0
                && let Some(field) = frame.get_mut(at..at + 2)
            {
                field.fill(0xff);
            }
        }
        if options & spec::POPTS_IXSM != 0 {
            let (start, at) = (usize::from(context.ip_start), usize::from(context.ip_offset));
            let _ = checksum::insert(frame, start, at, context.ip_end.into());
        }
    }

    fn send_frame(&mut self, memory: &mut dyn DmaMemory, mut frame: Vec<u8>, send: &mut Send<'_>) {
        if frame.is_empty() {
            return;
        }
        if let Some(tag) = self.transmitter.vlan.filter(|_| frame.len() >= ADDRESSES) {
            let ([_, _, a, b], [c, d]) = (self.vet.to_be_bytes(), tag.to_be_bytes());
            frame.splice(ADDRESSES..ADDRESSES, [a, b, c, d]);
        }
        if self.tctl().contains(Tctl::PSP) && frame.len() < SMALLEST {
            frame.resize(SMALLEST, 0);
        }
        self.statistics.sent(&frame);
        send(self, memory, &frame);
    }
}

/// Makes the headers of a packet those of one of its segments. Fields that do not lie in the frame are left.
fn update_headers(frame: &mut [u8], context: Context, number: u32, last: bool) {
    let len = frame.len();
    let (ip, transport) = (usize::from(context.ip_start), usize::from(context.start));
    let has_ipv4 = context.command & spec::TUCMD_IP != 0;
    let ip_len = len.saturating_sub(ip);
    if has_ipv4 {
        set_u16(frame, ip + 2, ip_len as u16);
        let identification = get_u16(frame, ip + 4);
        set_u16(frame, ip + 4, identification.wrapping_add(number as u16));
    } else {
        // Without the 40 bytes of the header itself, which IPv6 does not count.
        set_u16(frame, ip + 4, ip_len.saturating_sub(40) as u16);
    }
    let transport_len = len.saturating_sub(transport) as u16;
    if context.command & spec::TUCMD_TCP != 0 {
        let before = number.wrapping_mul(context.segment_len.into());
        let sequence =
            u32::from(get_u16(frame, transport + 4)) << 16 | u32::from(get_u16(frame, transport + 6));
        let sequence = sequence.wrapping_add(before);
        set_u16(frame, transport + 4, (sequence >> 16) as u16);
        set_u16(frame, transport + 6, sequence as u16);
        const FIN_AND_PSH: u8 = 9;
        if let Some(flags) = frame.get_mut(transport + 13).filter(|_| !last) {
            *flags &= !FIN_AND_PSH;
        }
    } else {
        set_u16(frame, transport + 4, transport_len);
    }
    // The pseudo-header's sum that software put there lacks the length.
    let at = usize::from(context.offset);
    let partial = u64::from(get_u16(frame, at)) + u64::from(transport_len);
    set_u16(frame, at, checksum::fold(partial));
}

fn get_u16(frame: &[u8], at: usize) -> u16 {
    frame.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

fn set_u16(frame: &mut [u8], at: usize, value: u16) {
    if let Some(field) = frame.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *field = value.to_be_bytes();
    }
}
