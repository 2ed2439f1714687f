use super::*;
use crate::RunArgs;
use clap::{Args, FromArgMatches};

pub(crate) fn args(line: &str) -> RunArgs {
    let command = RunArgs::augment_args(clap::Command::new("run").no_binary_name(true));
    let matches = command.try_get_matches_from(line.split_whitespace()).unwrap();
    RunArgs::from_arg_matches(&matches).unwrap()
}

fn spec(line: &str) -> Result<MachineSpec, String> {
    MachineSpec::new(&args(line)).map_err(|error| error.to_string())
}

/// Returns devices in the form of `-device`.
fn devices(line: &str) -> Vec<String> {
    let text = |device: DeviceSpec| {
        let id = device.id.map(|id| format!(",id={id}")).unwrap_or_default();
        let rest = device.properties.iter().map(|(name, value)| format!(",{name}={value}"));
        format!("{}{id}{}", device.model, rest.collect::<String>())
    };
    spec(line).unwrap().devices.into_iter().map(text).collect()
}

#[test]
fn serial_ports_are_devices_with_character_devices() {
    assert_eq!(devices(""), ["isa-serial,id=serial0,index=0,chardev=serial0"]);
    assert_eq!(devices("--serial none"), [""; 0]);
    let line = "--serial null --serial file:x --chardev file,id=d,path=a,,b --serial chardev:d";
    let spec = spec(line).unwrap();
    let targets: Vec<_> = spec.chars.iter().map(|char| (char.id.as_str(), char.target.clone())).collect();
    assert_eq!(
        targets,
        [
            ("d", CharTarget::File("a,b".into())),
            ("serial0", CharTarget::Null),
            ("serial1", CharTarget::File("x".into()))
        ]
    );
    assert_eq!(spec.devices[2].properties, [("index".into(), "2".into()), ("chardev".into(), "d".into())]);
}

#[test]
fn devices_have_properties() {
    let line = "--serial none --guest demo --device isa-debugcon,iobase=0x402,chardev=d --debug-exit 0xf4";
    assert_eq!(devices(line), ["isa-debug-exit,iobase=244,iosize=4", "isa-debugcon,iobase=0x402,chardev=d"]);
}

#[test]
fn errors_name_the_option_and_what_is_possible() {
    let cases = [
        (
            "--serial pty",
            "-serial pty is none of stdio, file:PATH, unix:PATH, tcp:HOST:PORT, chardev:ID, null and none",
        ),
        ("--chardev stdio", "-chardev stdio needs an id: -chardev stdio,id=NAME"),
        ("--chardev pty,id=x", "-chardev pty is not there; there are stdio, file, socket and null"),
        ("--chardev null,id=x,y=1", "-chardev has no y; leave it out"),
        ("--chardev stdio,id=x", "x has the terminal already; give serial0 a file or nothing"),
    ];
    for (line, error) in cases {
        assert_eq!(spec(line), Err(error.to_owned()));
    }
}

/// Mode, place and whether Ctrl-A C opens it.
fn monitors(line: &str) -> Vec<String> {
    let text = |monitor: MonitorSpec| {
        let place = match monitor.target {
            CharTarget::Socket(socket) => socket.address.to_string(),
            other => format!("{other:?}"),
        };
        let mode = match monitor.mode {
            MonitorMode::Control { pretty } => {
                if pretty {
                    "pretty"
                } else {
                    "control"
                }
            }
            MonitorMode::Readline => "readline",
        };
        format!("{mode} {place}{}", if monitor.shared { " shared" } else { "" })
    };
    spec(line).unwrap().monitors.into_iter().map(text).collect()
}

#[test]
fn monitors_are_where_qemu_has_them() {
    let shared = "readline Stdio shared".to_owned();
    assert_eq!(monitors(""), std::slice::from_ref(&shared));
    assert_eq!(monitors("--nographic"), std::slice::from_ref(&shared));
    assert_eq!(monitors("--serial mon:stdio"), std::slice::from_ref(&shared));
    assert_eq!(monitors("--serial null --monitor none"), [""; 0]);
    assert_eq!(monitors("--monitor none"), [""; 0]);
    assert_eq!(monitors("--serial null --nographic"), ["readline Stdio"]);
    assert_eq!(monitors("--monitor stdio"), ["readline Stdio"]);
    assert_eq!(monitors("--qmp unix:/a,server=on,wait=off"), ["control unix:/a".to_owned(), shared]);
    assert_eq!(
        monitors(
            "--serial null --qmp-pretty tcp::1,server --chardev socket,id=c,path=/b,server=on --mon c,mode=control"
        ),
        ["pretty tcp::1", "control unix:/b"]
    );
    let line = "--nographic --monitor stdio";
    assert!(spec(line).unwrap_err().starts_with("serial0 has the terminal already"));
    assert!(spec("--monitor stdio --qmp stdio").unwrap_err().starts_with("two monitors"));
    assert!(spec("--mon nope").unwrap_err().ends_with("no -chardev has the id nope"));
    assert!(spec("--qmp pty").unwrap_err().starts_with("-qmp pty is none of stdio, unix:PATH"));
}

#[test]
fn drives_of_device_have_the_names_of_their_places() {
    let line = "--nodefaults --device ide-cd --device ide-hd,bus=ide.0,unit=0,drive=x --device ide-cd,bus=ide.1 \
        --device ide-cd,id=own --device ide-cd";
    let drives = spec(line).unwrap().devices.into_iter().filter(|device| device.model.starts_with("ide-"));
    let names: Vec<_> = drives.map(|device| device.id).collect();
    assert_eq!(
        names,
        [Some("ide0-cd1".into()), Some("ide0-hd0".into()), Some("ide1-cd0".into()), Some("own".into()), None]
    );
}

#[test]
fn formats_are_noted_where_none_was_given() {
    let mut spec = spec("--hda a --drive file=b,format=raw").unwrap();
    spec.set_probed_formats(|file| Some(format!("of {}", file.display())));
    let formats: Vec<_> = spec.blocks.into_iter().map(|block| block.format.unwrap()).collect();
    assert_eq!(formats, ["of a", "raw"]);
}

#[test]
fn serial_ports_of_device_take_the_place_of_the_usual_one() {
    let line = "--guest demo --chardev null,id=c --device isa-serial,chardev=c";
    assert_eq!(devices(line), ["isa-serial,chardev=c"]);
}

#[test]
fn a_kind_of_floppy_drive_that_is_not_there_stays_for_the_drive_to_refuse() {
    let kind = |line: &str| {
        let mut spec = spec(line).unwrap();
        spec.fit_floppies(|_| None);
        let drive = spec.devices.into_iter().find(|device| device.model == "floppy").unwrap();
        drive.properties.into_iter().find(|(name, _)| name == "drive-type").unwrap().1
    };
    assert_eq!(kind("--device floppy,drive-type=288"), "288");
    assert_eq!(kind("--device floppy,drive-type=auto"), "144");
    assert_eq!(kind("--device floppy,drive-type=zz"), "zz");
}
