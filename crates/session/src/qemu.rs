//! Options of QEMU: those that are true here already are accepted, the others are refused with the nearest that is there.

/// What an option of QEMU is here.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) takes_value: bool,
    /// Values, or their comma-separated parts, that describe what is there anyway. For an option without a value: [`ANY`],
    /// where it is accepted
    accepted: &'static [&'static str],
    /// Why it is refused, and what is nearest
    pub(crate) instead: &'static str,
}

const ANY: &[&str] = &["*"];

impl Known {
    /// Returns whether the option with this value describes what is there anyway.
    pub(crate) fn is_true(&self, value: &str) -> bool {
        let part_is_true = |part: &str| {
            self.accepted.iter().any(|accepted| match accepted.strip_suffix('*') {
                Some(start) => part.starts_with(start),
                None => part == *accepted,
            })
        };
        value.split(',').all(part_is_true)
    }

    /// Returns whether some of its values are accepted.
    pub(crate) fn depends(&self) -> bool {
        self.takes_value && !self.accepted.is_empty()
    }
}

/// Returns the option of QEMU of this name, without its dashes.
pub(crate) fn find(name: &str) -> Option<&'static Known> {
    OPTIONS.iter().find(|option| option.name == name)
}

const fn flag(name: &'static str, accepted: &'static [&'static str], instead: &'static str) -> Known {
    Known { name, takes_value: false, accepted, instead }
}

const fn value(name: &'static str, accepted: &'static [&'static str], instead: &'static str) -> Known {
    Known { name, takes_value: true, accepted, instead }
}

const DISK: &str = "the nearest is -drive file=FILE,if=ide";
const DISPLAY: &str = "the nearest is -display window, or -display terminal for text modes; screendump in the monitor takes pictures";
const DEBUGGER: &str =
    "there is no debugger's interface yet; the nearest is --trace exceptions, or --max-instructions N";
const TCG: &str = "guest code is always translated, as by -accel tcg; leave it out";
const USB: &str = "there is no USB; keyboard and mouse are PS/2, and v64 devices lists the devices";
const WATCHDOG: &str = "there is no watchdog; v64 devices lists the devices";
const XEN: &str = "this is no machine of Xen's; leave it out";
const SOUND: &str = "the nearest is -audiodev wav,id=ID,path=FILE.wav -machine pcspk-audiodev=ID";
const FOREGROUND: &str = "v64 runs in the foreground; leave it out";
const SNAPSHOT: &str = "a saved state is a file; the nearest is --load-state FILE, and savevm in the monitor";
const FOLDER: &str = "there are no shared folders yet; the nearest is --initrd FILE, a RAM disk";
const TABLES: &str = "tables of the guest cannot be added to; the nearest is --append";
const NOTHING: &str = "nothing corresponds to it; v64 run --help lists the options";

/// By topic. Options that are v64's own too (-kernel, -m, -cpu, -serial, -no-reboot, -trace) are not here.
static OPTIONS: &[Known] = &[
    value("sd", &[], DISK),
    value("mtdblock", &[], DISK),
    value("vnc", &["none"], DISPLAY),
    value("spice", &[], DISPLAY),
    flag("sdl", &[], DISPLAY),
    flag("gtk", &[], DISPLAY),
    flag("curses", &[], "the nearest is -display terminal"),
    value("g", &[], "the guest chooses its mode; leave it out"),
    value("k", &[], "keys are sent by their place on the keyboard, whatever the layout; leave it out"),
    flag("portrait", &[], DISPLAY),
    value("rotate", &[], DISPLAY),
    flag("no-frame", &[], DISPLAY),
    flag("show-cursor", &[], DISPLAY),
    flag("alt-grab", &[], "Ctrl-Alt-G releases the mouse; leave it out"),
    flag("ctrl-grab", &[], "Ctrl-Alt-G releases the mouse; leave it out"),
    flag("no-quit", &[], "the nearest is -display window,window-close=off"),
    value("gdb", &[], DEBUGGER),
    flag("s", &[], DEBUGGER),
    flag("singlestep", &[], "the nearest is --engine interp"),
    value("accel", &["tcg", "thread=single"], TCG),
    flag("enable-kvm", &[], TCG),
    flag("enable-hax", &[], TCG),
    flag("no-kvm", ANY, TCG),
    flag("enable-sync-profile", &[], "the nearest is --profile"),
    value("tb-size", &[], TCG),
    value("numa", &[], "all memory is one node; the nearest is -smp"),
    flag("usb", &[], USB),
    value("usbdevice", &[], USB),
    value("soundhw", &[], SOUND),
    value("audio", &["none"], SOUND),
    flag("audio-help", &[], "the nearest is -audiodev help"),
    value("watchdog", &[], WATCHDOG),
    value("watchdog-action", &[], WATCHDOG),
    value("tpmdev", &[], "there is no TPM; v64 devices lists the devices"),
    value("icount", &[], "the nearest is --clock icount"),
    flag("no-user-config", ANY, NOTHING),
    flag("nodefconfig", ANY, NOTHING),
    value("action", &[], "the nearest is --no-reboot"),
    flag("no-fd-bootchk", &[], "floppies are checked for a boot signature; leave it out"),
    flag("win2k-hack", &[], "disks need no such change; leave it out"),
    value("echr", &[], "Ctrl-A begins the keys of the command; leave it out"),
    value("dfilter", &[], "the nearest is -d int"),
    value("iscsi", &[], DISK),
    value("add-fd", &[], "files are given by their names"),
    value("realtime", &["mlock=off"], NOTHING),
    value("balloon", &["none"], "memory does not shrink; leave it out"),
    value("xen-domid", &[], XEN),
    flag("xen-attach", &[], XEN),
    flag("xen-domid-restrict", &[], XEN),
    flag("preconfig", &[], "the nearest is -S"),
    flag("only-migratable", ANY, NOTHING),
    flag("async-teardown", &[], NOTHING),
    value("compat", &[], NOTHING),
    value("dump-vmstate", &[], "the nearest is --save-state FILE"),
    flag("daemonize", &[], FOREGROUND),
    value("pidfile", &[], FOREGROUND),
    value("loadvm", &[], SNAPSHOT),
    value("incoming", &[], SNAPSHOT),
    value("virtfs", &[], FOLDER),
    value("fsdev", &[], FOLDER),
    value("dtb", &[], TABLES),
    value("smbios", &[], TABLES),
    value("acpitable", &[], TABLES),
    value("mem-path", &[], NOTHING),
    flag("mem-prealloc", &[], NOTHING),
    value("overcommit", &[], NOTHING),
    value("global", &[], NOTHING),
    value("set", &[], NOTHING),
    value("readconfig", &[], NOTHING),
    value("writeconfig", &[], NOTHING),
    value("msg", &[], NOTHING),
    value("sandbox", &["off"], NOTHING),
    value("runas", &[], NOTHING),
    value("chroot", &[], NOTHING),
    value("seed", &[], NOTHING),
    value("plugin", &[], NOTHING),
    value("semihosting-config", &[], NOTHING),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_is_there_once_and_says_what_to_do() {
        for (n, option) in OPTIONS.iter().enumerate() {
            assert!(OPTIONS[..n].iter().all(|other| other.name != option.name), "{}", option.name);
            assert!(!option.instead.is_empty() && !option.instead.contains('\n'));
        }
    }

    #[test]
    fn values_are_true_part_by_part() {
        let is_true = |name: &str, value: &str| find(name).unwrap().is_true(value);
        assert!(is_true("accel", "tcg,thread=single") && !is_true("accel", "kvm"));
        assert!(is_true("no-user-config", "") && !is_true("enable-kvm", ""));
    }
}
