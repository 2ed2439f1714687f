//! The functions that JavaScript calls. Pointers and lengths are 64-bit: BigInt there.

use crate::serial::open;
use crate::vm::{with, with_after_trap};

macro_rules! exports {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)? = $body:expr;)*) => {
        $(
            $(#[$doc])*
            // SAFETY: the name is unique within the module.
            #[allow(unsafe_code)]
            #[unsafe(no_mangle)]
            pub(crate) extern "C" fn $name($($arg: $type),*) $(-> $result)? {
                $body
            }
        )*
    };
}

exports! {
    /// The exchange buffer, `len` bytes long. The next call that takes bytes takes these.
    fn v64_buffer(len: u64) -> *mut u8 = with(|vm| {
        let len = usize::try_from(len).unwrap_or(0);
        vm.exchange.clear();
        vm.exchange.shrink_to(len);
        if vm.exchange.try_reserve_exact(len).is_err() {
            return std::ptr::null_mut();
        }
        vm.exchange.resize(len, 0);
        vm.exchange.as_mut_ptr()
    });
    /// Parses the command line in the exchange buffer; the reply is a plan.
    fn v64_command() -> u32 = with(|vm| vm.command() as u32);
    /// The exchange buffer is a file that the plan lists, and behind it its name there, of so many bytes.
    fn v64_file(name_len: u64) = with(|vm| vm.file(name_len));
    /// The exchange buffer is the start of an image of `size` bytes, and behind it its name for messages, of so many bytes.
    /// The reply is its format.
    fn v64_probe(size: u64, name_len: u64) -> u32 = with(|vm| vm.probe(size, name_len) as u32);
    /// The host has opened a medium, which has this number there; the exchange buffer is its name.
    fn v64_disk(number: u32, bytes: u64, read_only: u32, snapshot: u32) =
        with(|vm| vm.disk(number, bytes, read_only != 0, snapshot != 0));
    /// A medium cannot be opened: the exchange buffer has the error, followed by the medium's name of `name_len` bytes.
    fn v64_disk_failed(name_len: u64) = with(|vm| vm.disk_failed(name_len));
    /// The reply is the requests of drives that the host has not taken; `Idle` where there is none.
    fn v64_disk_requests() -> u32 = with(|vm| vm.disk_requests() as u32);
    /// A request is complete (0), and the exchange buffer has the bytes read; or it failed, and the exchange buffer has
    /// the error.
    fn v64_disk_answer(number: u32, id: u64, code: u32) = with(|vm| vm.disk_answer(number, id, code));
    /// The exchange buffer is a command of QMP; the reply is JSON.
    fn v64_qmp() -> u32 = with(|vm| vm.qmp() as u32);
    /// Begins a connection to a monitor: QMP (0), QMP over several lines (1), the human monitor (2). The reply is what is sent.
    fn v64_monitor_open(kind: u32) -> u32 = with(|vm| vm.monitor_open(kind));
    /// The exchange buffer arrived at a connection; the reply is JSON.
    fn v64_monitor_input(id: u32) -> u32 = with(|vm| vm.monitor_input(id) as u32);
    /// Ends a connection.
    fn v64_monitor_close(id: u32) = with(|vm| vm.monitor_close(id));
    /// The reply is JSON: pending output of the monitors; `Idle` if there is none.
    fn v64_monitor_poll() -> u32 = with(|vm| vm.monitor_poll() as u32);
    /// Builds the machine and loads the guest, or the saved state.
    fn v64_start() -> u32 = with(|vm| vm.start() as u32);
    /// Runs for so many milliseconds.
    fn v64_run(ms: f64) -> u32 = with(|vm| vm.run(ms) as u32);
    /// A module of guest code was compiled in the background, or refused.
    fn v64_compiled(first: u32, good: u32) = with_after_trap(|vm| vm.engine.finished(first, good != 0));
    /// After `Idle`: for how long nothing will happen.
    fn v64_idle_ns() -> u64 = with(|vm| vm.idle_ns);
    /// What COM1 sent since it was last cleared.
    fn v64_output_ptr() -> *const u8 = with_after_trap(|vm| open(&vm.line).output.as_ptr());
    /// How much that is.
    fn v64_output_len() -> u64 = with_after_trap(|vm| open(&vm.line).output.len() as u64);
    /// Forgets it.
    fn v64_output_clear() = with_after_trap(|vm| open(&vm.line).output.clear());
    /// The exchange buffer is typed at COM1.
    fn v64_input() = with(|vm| vm.input());
    /// Draws what changed on the screen; the reply is the picture's size and what changed.
    fn v64_render() -> u32 = with(|vm| vm.render() as u32);
    /// Has the next `v64_render` report the whole picture.
    fn v64_damage_all() = with(|vm| vm.damage_all());
    /// The picture's pixels, from the last `v64_render`.
    fn v64_pixels_ptr() -> *const u8 = with(|vm| vm.frame.rgba.as_ptr());
    /// How many bytes they take.
    fn v64_pixels_len() -> u64 = with(|vm| vm.frame.rgba.len() as u64);
    /// The reply is the picture as a PNG file.
    fn v64_screenshot() -> u32 = with(|vm| vm.screenshot() as u32);
    /// The reply is JSON: what a text mode shows.
    fn v64_screen_text() -> u32 = with(|vm| vm.screen_text() as u32);
    /// The exchange buffer is events of keyboard and mouse.
    fn v64_host_input() -> u32 = with(|vm| vm.host_input() as u32);
    /// The exchange buffer is keys that are pressed and released one after the other.
    fn v64_type_keys() -> u32 = with(|vm| vm.type_keys() as u32);
    /// Whether such keys are still on their way.
    fn v64_is_typing() -> u32 = with(|vm| u32::from(!vm.keys.is_empty()));
    /// Before `v64_start`: audio devices that go nowhere are heard, as frames of this rate.
    fn v64_sound_open(rate: u32) = with(|vm| vm.sound_open(rate));
    /// The reply is what is heard since the last call: the number of the first frame in 64 bits, then frames of two 16-bit
    /// samples; `Idle` where that is nothing.
    fn v64_sound_take() -> u32 = with(|vm| vm.sound_take() as u32);
    /// The exchange buffer is written to guest-physical memory.
    fn v64_memory_write(at: u64) -> u32 = with(|vm| vm.memory_write(at) as u32);
    /// RESET#.
    fn v64_reset() -> u32 = with(|vm| vm.reset() as u32);
    /// The reply is the whole state as a file, which contains the exchange buffer as a note.
    fn v64_save_state() -> u32 = with(|vm| vm.save_state() as u32);
    /// Restores the saved state in the exchange buffer.
    fn v64_restore_state() -> u32 = with(|vm| vm.restore_state() as u32);
    /// The reply is JSON: what the machine did and where it is.
    fn v64_stats() -> u32 = with(|vm| vm.stats() as u32);
    /// The reply is the text of `--stats`.
    fn v64_report(seconds: f64) -> u32 = with(|vm| vm.report(seconds) as u32);
    /// The reply is the text of a crash report. This and the output are available after a trap.
    fn v64_registers() -> u32 = with_after_trap(|vm| vm.registers() as u32);
    /// As `--state-hash`.
    fn v64_state_hash() -> u64 = with(|vm| vm.state_hash());
    /// Runs the vectors in the exchange buffer, a line each.
    fn v64_microtest() -> u32 = with(|vm| vm.microtest() as u32);
    /// The reply is what `microtest` prints at its end.
    fn v64_microtest_end() -> u32 = with(|vm| vm.microtest_end() as u32);
    /// The reply is the list of devices.
    fn v64_devices() = with(|vm| vm.devices());
    /// The last reply.
    fn v64_reply_ptr() -> *const u8 = with_after_trap(|vm| vm.reply.as_ptr());
    /// Its length.
    fn v64_reply_len() -> u64 = with_after_trap(|vm| vm.reply.len() as u64);
}
