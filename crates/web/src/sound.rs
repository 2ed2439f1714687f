//! Sound: frames that the host plays.

use crate::vm::{Status, Vm};
use session::sound::Mixer;

impl Vm {
    /// Has the audio devices of the machine that is started next be heard, as frames of a rate in hertz.
    pub(crate) fn sound_open(&mut self, rate: u32) {
        self.sound = Some(Mixer::new(rate));
    }

    /// The reply is what is heard since the last call: the number of the first frame in 64 bits, then frames of two 16-bit
    /// samples, left and right, all little-endian. It is empty, and the answer `Idle`, while nothing sounds.
    pub(crate) fn sound_take(&mut self) -> Status {
        self.reply.clear();
        let (Some(mixer), Some(machine)) = (&self.sound, &mut self.machine) else { return Status::Idle };
        let Some(passage) = mixer.take(machine.now()) else { return Status::Idle };
        self.reply.extend(passage.start.to_le_bytes());
        self.reply.extend(passage.frames.as_flattened().iter().flat_map(|sample| sample.to_le_bytes()));
        Status::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device_api::{SoundBackend, VmTime};

    /// Returns a machine that has run for some virtual time, with frames in its mixer.
    fn played(at: u64) -> Vm {
        let words =
            ["run", "--guest=demo", "--clock=icount", "--audiodev=none,id=ear", "--device=sb16,audiodev=ear"];
        let exchange = words.map(|word| format!("{word}\0")).concat().into_bytes();
        let mut vm = Vm { exchange, ..Vm::default() };
        assert_eq!(vm.command(), Status::Done);
        vm.sound_open(1000);
        assert_eq!(vm.start(), Status::Done, "{}", String::from_utf8_lossy(&vm.reply));
        drop(std::panic::take_hook());
        let machine = vm.machine.as_mut().unwrap();
        machine.set_alarm(Some(VmTime(at + 200_000_000)));
        while machine.now() < VmTime(at + 200_000_000) {
            machine.run(u64::MAX);
        }
        let mixer = vm.sound.as_mut().unwrap();
        mixer.voice().play(VmTime(at), 1000, &[[1, -2], [3, 4]]);
        vm
    }

    #[test]
    fn what_is_heard_is_given_once() {
        let mut vm = played(7_000_000);
        assert_eq!(vm.sound_take(), Status::Done);
        let (start, frames) = vm.reply.split_at(8);
        assert_eq!(start, 7u64.to_le_bytes());
        let samples: Vec<_> = frames.as_chunks::<2>().0.iter().map(|&two| i16::from_le_bytes(two)).collect();
        assert_eq!(samples, [1, -2, 3, 4]);
        assert_eq!(vm.sound_take(), Status::Idle);
        assert!(vm.reply.is_empty());
    }

    #[test]
    fn without_a_listener_nothing_is_kept() {
        let mut vm = crate::start::tests::started(&[
            "run",
            "--guest=demo",
            "--audiodev=none,id=ear",
            "--device=sb16,audiodev=ear",
        ]);
        assert!(vm.sound.is_none());
        assert_eq!(vm.sound_take(), Status::Idle);
    }
}
