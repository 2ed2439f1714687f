//! Events, how exceptions combine, and delivery until an event was delivered.

use crate::{SystemContext, deliver};
use x86_state::Activity;
use x86_types::Exception;

/// The instruction a software interrupt comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoftwareKind {
    /// `INT n`: checked against the gate's DPL, and against IOPL in virtual-8086 mode
    IntN,
    /// `INT3` (opcode CC): checked against the gate's DPL
    Int3,
    /// `INTO`: checked against the gate's DPL
    Into,
    /// `INT1` (opcode F1): not checked, and counted as external in error codes
    Int1,
}

/// Something to deliver. The saved instruction pointer is `Cpu::rip`, which the caller has set: to the faulting
/// instruction for a fault, to the next one for traps, interrupts and software interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Raised by the processor. #PF loads CR2 and #DB ORs into DR6.
    Exception(Exception),
    /// A maskable interrupt that was accepted; its vector
    External(u8),
    /// A non-maskable interrupt; further ones are then blocked until IRET
    Nmi,
    /// A software interrupt
    Software {
        /// Vector number
        vector: u8,
        /// Which instruction
        kind: SoftwareKind,
        /// RIP of the interrupt instruction itself: [`raise`] returns there if delivery faults
        instruction: u64,
    },
}

impl Event {
    /// Returns the vector number.
    pub const fn vector(self) -> u8 {
        match self {
            Event::Exception(exception) => exception.vector(),
            Event::External(vector) | Event::Software { vector, .. } => vector,
            Event::Nmi => x86_types::vector::NMI,
        }
    }

    /// Returns the EXT bit that error codes of faults during this event's delivery carry.
    ///
    /// SPEC: intel-sdm-vol3 :: 7.13 Error Code -> EXT is clear while INT n, INT3 or INTO is delivered and set for all other events
    pub(crate) const fn ext(self) -> u16 {
        match self {
            Event::Software { kind: SoftwareKind::Int1, .. } => 1,
            Event::Software { .. } => 0,
            _ => 1,
        }
    }
}

/// Why an event could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryFailure {
    /// What went wrong
    pub exception: Exception,
    /// A task gate had already switched tasks: `Cpu` is the new task's, and so is the RIP to save
    pub switched: bool,
}

impl From<Exception> for DeliveryFailure {
    fn from(exception: Exception) -> Self {
        Self { exception, switched: false }
    }
}

/// What a second exception during the delivery of a first event comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combined {
    /// The second is delivered in place of the first, which happens again
    Serial(Exception),
    /// #DF(0)
    DoubleFault,
    /// Shutdown
    TripleFault,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The handler (or that of an exception met on the way) is about to run
    Delivered,
    /// No handler could be reached: `Cpu::activity` is [`Activity::Shutdown`]
    TripleFault,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Benign,
    Contributory,
    PageFault,
    DoubleFault,
}

/// SPEC: intel-sdm-vol3 :: 7.15 Exception and Interrupt Reference -> interrupt 8: the classes: #DE, #TS, #NP, #SS and #GP are contributory, #PF is its own class, interrupts and the rest are benign
const fn class(event: Event) -> Class {
    match event {
        Event::Exception(exception) => match exception {
            Exception::DivideError
            | Exception::InvalidTss(_)
            | Exception::SegmentNotPresent(_)
            | Exception::StackFault(_)
            | Exception::GeneralProtection(_) => Class::Contributory,
            Exception::PageFault { .. } => Class::PageFault,
            Exception::DoubleFault => Class::DoubleFault,
            _ => Class::Benign,
        },
        _ => Class::Benign,
    }
}

/// What happens when `second` is raised while `first` is being delivered.
///
/// SPEC: intel-sdm-vol3 :: 7.15 Exception and Interrupt Reference -> interrupt 8: two contributory exceptions, or a page fault and then either, make a double fault; either during a double fault shuts the processor down
pub const fn combine(first: Event, second: Exception) -> Combined {
    match (class(first), class(Event::Exception(second))) {
        (Class::Contributory, Class::Contributory)
        | (Class::PageFault, Class::Contributory | Class::PageFault) => Combined::DoubleFault,
        (Class::DoubleFault, Class::Contributory | Class::PageFault | Class::DoubleFault) => {
            Combined::TripleFault
        }
        _ => Combined::Serial(second),
    }
}

/// More exceptions in a row than delivery can meet without repeating itself.
const MAX_SERIAL: u32 = 8;

/// Delivers `event`, or what its delivery comes to.
///
/// A guest can arrange benign and page faults that follow one another for ever (an alignment check on a stack, with a
/// handler that faults); after a few rounds that counts as a triple fault, since no instruction would run between them.
pub fn raise<C: SystemContext>(ctx: &mut C, event: Event) -> Outcome {
    let mut event = event;
    for _ in 0..MAX_SERIAL {
        let Err(failure) = deliver(ctx, event) else { return Outcome::Delivered };
        // SPEC: intel-sdm-vol3 :: 7.15 Exception and Interrupt Reference -> interrupt 14: a second page fault's address replaces the first in CR2, even where the two make a double fault
        if let Exception::PageFault { address, .. } = failure.exception {
            ctx.cpu_mut().cr2 = address.0;
        }
        if let (Event::Software { instruction, .. }, false) = (event, failure.switched) {
            ctx.cpu_mut().rip = instruction;
        }
        event = match combine(event, failure.exception) {
            Combined::Serial(exception) => Event::Exception(exception),
            Combined::DoubleFault => Event::Exception(Exception::DoubleFault),
            Combined::TripleFault => break,
        };
    }
    ctx.cpu_mut().activity = Activity::Shutdown;
    Outcome::TripleFault
}
