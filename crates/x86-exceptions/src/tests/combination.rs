use super::*;
use crate::{Combined, Outcome, SoftwareKind, combine, raise};
use x86_state::Activity;

const PF: Exception = Exception::PageFault { address: LinearAddr(0x7000), code: PageFaultCode::W };

#[test]
fn pairs_of_exceptions_combine_as_the_table_says() {
    use Combined::{DoubleFault, Serial, TripleFault};
    let (gp, de, ts) = (Exception::GP0, Exception::DivideError, Exception::InvalidTss(8));
    let (ud, df, ac) = (Exception::InvalidOpcode, Exception::DoubleFault, Exception::AlignmentCheck);
    let software = Event::Software { vector: 13, kind: SoftwareKind::IntN, instruction: 0 };
    for (first, second, expected) in [
        (Event::Exception(ud), gp, Serial(gp)),
        (Event::Exception(ud), PF, Serial(PF)),
        (Event::Exception(gp), ud, Serial(ud)),
        (Event::Exception(de), ts, DoubleFault),
        (Event::Exception(gp), Exception::SS0, DoubleFault),
        (Event::Exception(ts), Exception::SegmentNotPresent(8), DoubleFault),
        (Event::Exception(gp), PF, Serial(PF)),
        (Event::Exception(PF), gp, DoubleFault),
        (Event::Exception(PF), PF, DoubleFault),
        (Event::Exception(PF), ac, Serial(ac)),
        (Event::Exception(df), gp, TripleFault),
        (Event::Exception(df), PF, TripleFault),
        (Event::Exception(df), ac, Serial(ac)),
        // Vector 13 by other means is no #GP.
        (Event::External(13), gp, Serial(gp)),
        (software, gp, Serial(gp)),
        (Event::Nmi, PF, Serial(PF)),
    ] {
        assert_eq!(combine(first, second), expected, "{first:?} {second:?}");
    }
}

#[test]
fn raise_goes_on_to_the_handler_that_can_be_reached() {
    // The gate of #UD is missing: #GP(6 * 8 + 2 + EXT); that of #GP too: #DF.
    for (present, frame) in [(&[13u8, 8][..], 0x33), (&[8], 0)] {
        let mut machine = Machine::protected();
        for &vector in present {
            machine.set_idt(vector, gate(INTERRUPT, 0, CODE0, HANDLER + u64::from(vector), 0));
        }
        assert_eq!(raise(&mut machine, Event::Exception(Exception::GP0)), Outcome::Delivered);
        let mut machine = Machine { cpu: Machine::protected().cpu, ..machine };
        assert_eq!(raise(&mut machine, Event::Exception(Exception::InvalidOpcode)), Outcome::Delivered);
        assert_eq!(machine.cpu.rip, HANDLER + u64::from(present[0]));
        assert_eq!(machine.frame(Width::B4, 2), [frame, 0x4321]);
    }
}

#[test]
fn without_any_handler_the_processor_shuts_down() {
    let mut machine = Machine::protected();
    assert_eq!(raise(&mut machine, Event::Exception(Exception::DivideError)), Outcome::TripleFault);
    assert_eq!(machine.cpu.activity, Activity::Shutdown);
}

#[test]
fn a_software_interrupt_that_faults_reports_the_instruction() {
    let mut machine = Machine::protected();
    machine.set_idt(13, gate(INTERRUPT, 0, CODE0, HANDLER, 0));
    let event = Event::Software { vector: 0x1f, kind: SoftwareKind::IntN, instruction: 0x431f };
    assert_eq!(raise(&mut machine, event), Outcome::Delivered);
    assert_eq!(machine.frame(Width::B4, 2), [0x1f * 8 + 2, 0x431f]);
}

#[test]
fn exceptions_that_chase_each_other_end() {
    // #AC is handled on a level-3 stack that is misaligned itself.
    let mut machine = Machine::user();
    machine.set_idt(17, gate(INTERRUPT, 3, CODE3, HANDLER, 0));
    machine.misaligned_level = Some(3);
    assert_eq!(raise(&mut machine, Event::Exception(Exception::AlignmentCheck)), Outcome::TripleFault);
}
