use super::*;
use crate::RunArgs;
use clap::{Args, FromArgMatches};

fn args(line: &str) -> RunArgs {
    let command = RunArgs::augment_args(clap::Command::new("run").no_binary_name(true));
    let matches = command.try_get_matches_from(line.split_whitespace()).unwrap();
    RunArgs::from_arg_matches(&matches).unwrap()
}

fn spec(line: &str) -> Result<MachineSpec, String> {
    MachineSpec::new(&args(line)).map_err(|error| error.to_string())
}

/// Devices as `-device` would say them.
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
        ("--serial pty", "-serial pty is none of stdio, file:PATH, chardev:ID, null and none"),
        ("--chardev stdio", "-chardev stdio needs an id: -chardev stdio,id=NAME"),
        ("--chardev pty,id=x", "-chardev pty is not there; there are stdio, file and null"),
        ("--chardev null,id=x,y=1", "-chardev has no y; leave it out"),
        ("--chardev stdio,id=x", "x has the terminal already; give serial0 a file or nothing"),
    ];
    for (line, error) in cases {
        assert_eq!(spec(line), Err(error.to_owned()));
    }
}
