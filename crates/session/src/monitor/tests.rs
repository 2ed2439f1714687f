//! Commands against a machine.

use super::*;
use crate::spec::tests::args;
use device_api::KeyCode;
use machine::MachineConfig;
use serde_json::json;
use std::collections::BTreeMap;

/// Files in memory.
#[derive(Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl MonitorHost for Files {
    fn time_us(&self) -> u64 {
        1_500_000_250
    }
    fn write_file(&mut self, path: &str, content: &mut dyn Read) -> Result<(), String> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        self.0.insert(path.to_owned(), bytes);
        Ok(())
    }
    fn save_state(&mut self, path: &str, state: &[u8]) -> Result<(), String> {
        self.write_file(path, &mut &state[..])
    }
    fn load_state(&mut self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).cloned().ok_or_else(|| format!("there is no {path}"))
    }
    fn open_medium(&mut self, file: &str, _: Option<&str>, _: bool) -> Result<Box<dyn BlockBackend>, String> {
        Err(format!("there is no {file}"))
    }
}

/// A machine with a monitor and a client that has negotiated.
struct Bench {
    machine: Machine,
    guest: Guest,
    files: Files,
    monitor: Monitor,
    client: QmpSession,
}

impl Bench {
    fn new(line: &str) -> Self {
        pc_devices::link();
        let args = args(&format!("-m 16M --clock icount {line}"));
        let spec = MachineSpec::new(&args).unwrap();
        let guest = Guest::new(&args, &spec, None, None);
        let config: MachineConfig = args.silent_config().unwrap();
        let mut machine = Machine::new(config).unwrap();
        guest.load(&mut machine).unwrap();
        let mut monitor = Monitor::new(&args, &spec);
        monitor.start(&mut machine);
        let files = Files::default();
        let mut bench = Self { machine, guest, files, monitor, client: QmpSession::new(false) };
        assert_eq!(bench.send("{\"execute\": \"qmp_capabilities\"}"), json!({"return": {}}));
        bench
    }

    fn send(&mut self, text: &str) -> Value {
        let host = &mut self.files;
        let mut target = Target { machine: &mut self.machine, guest: &mut self.guest, host };
        let answer = self.client.handle(&Text::Complete(text.into()), &mut self.monitor, &mut target);
        assert!(answer.ends_with("\r\n") && answer.matches('\n').count() == 1, "{answer}");
        serde_json::from_str(&answer).unwrap()
    }

    fn run(&mut self, command: Value) -> Value {
        self.send(&command.to_string())
    }

    fn human(&mut self, line: &str) -> String {
        let command = json!({"execute": "human-monitor-command", "arguments": {"command-line": line}});
        let answer = self.run(command);
        answer["return"].as_str().unwrap_or_else(|| panic!("{line}: {answer}")).replace("\r\n", "\n")
    }

    fn events(&mut self) -> Vec<String> {
        let events = self.monitor.take_events(&self.files);
        let text = |event: &Value| event["event"].as_str().unwrap_or_default().to_owned();
        events.iter().map(text).collect()
    }

    fn status(&mut self) -> String {
        self.run(json!({"execute": "query-status"}))["return"]["status"].as_str().unwrap().to_owned()
    }
}

fn desc(answer: &Value) -> &str {
    answer["error"]["desc"].as_str().unwrap_or_default()
}

#[test]
fn nothing_but_negotiation_comes_first_and_it_comes_once() {
    let mut bench = Bench::new("");
    bench.client = QmpSession::new(false);
    let greeting: Value = serde_json::from_str(&bench.client.greeting()).unwrap();
    assert_eq!(greeting["QMP"]["version"]["qemu"]["major"], 7);
    assert!(greeting["QMP"]["capabilities"].is_array());
    let answer = bench.send("{\"execute\": \"query-status\", \"id\": 5}");
    assert_eq!(answer["error"]["class"], "CommandNotFound");
    assert_eq!(answer["id"], 5);
    assert!(
        desc(&bench.send("{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}"))
            .contains("oob")
    );
    assert_eq!(bench.send("{\"execute\":\"qmp_capabilities\"}"), json!({"return": {}}));
    assert!(
        desc(&bench.send("{\"execute\":\"qmp_capabilities\"}"))
            .starts_with("Capabilities negotiation is already")
    );
}

#[test]
fn requests_that_are_none_get_an_error_and_the_next_one_is_heard() {
    let mut bench = Bench::new("");
    for (text, expected) in [
        ("garbage", "JSON parse error, "),
        ("[1]", "QMP input must be a JSON object"),
        ("{\"execute\": 7}", "QMP input member 'execute' must be a string"),
        ("{\"id\": 7}", "QMP input lacks member 'execute'"),
        ("{\"execute\": \"stop\", \"frob\": 1}", "QMP input member 'frob' is unexpected"),
        ("{\"execute\": \"stop\", \"arguments\": []}", "QMP input member 'arguments' must be an object"),
        ("{\"execute\": \"frob\"}", "The command frob has not been found"),
    ] {
        let answer = bench.send(text);
        assert!(desc(&answer).starts_with(expected), "{text}: {answer}");
    }
    let answer = bench.send("{\"execute\": \"query-status\", \"id\": {\"a\": [1]}}");
    assert_eq!(answer["return"]["running"], true);
    assert_eq!(answer["id"], json!({"a": [1]}));
    assert!(bench.client.clone().greeting().len() < 200);
    assert!(
        QmpSession::new(true).greeting().contains("\r\n    \"QMP\"")
            || QmpSession::new(true).greeting().contains("\r\n  \"QMP\"")
    );
}

#[test]
fn the_machine_stops_goes_on_and_is_reset() {
    let mut bench = Bench::new("");
    bench.run(json!({"execute": "stop"}));
    bench.run(json!({"execute": "stop"}));
    assert_eq!((bench.status().as_str(), bench.monitor.is_running()), ("paused", false));
    bench.run(json!({"execute": "system_reset"}));
    assert_eq!(bench.status(), "prelaunch");
    bench.run(json!({"execute": "cont"}));
    bench.run(json!({"execute": "system_powerdown"}));
    assert_eq!(bench.status(), "running");
    assert_eq!(bench.events(), ["STOP", "RESET", "RESUME", "POWERDOWN"]);
    assert_eq!((bench.machine.resets(), bench.monitor.exit()), (1, None));
    bench.run(json!({"execute": "quit"}));
    assert_eq!((bench.events(), bench.monitor.exit()), (vec!["SHUTDOWN".to_owned()], Some(0)));
    assert_eq!(
        (Bench::new("-S").status().as_str(), Bench::new("-S").monitor.is_running()),
        ("prelaunch", false)
    );
}

#[test]
fn events_have_a_time_and_a_reason() {
    let mut bench = Bench::new("--no-reboot");
    bench.run(json!({"execute": "system_reset"}));
    let events = bench.monitor.take_events(&bench.files);
    let expected = json!([{
        "timestamp": {"seconds": 1500, "microseconds": 250},
        "event": "SHUTDOWN",
        "data": {"guest": false, "reason": "host-qmp-system-reset"},
    }]);
    assert_eq!(Value::Array(events), expected);
    assert_eq!(bench.monitor.exit(), Some(0));
}

#[test]
fn a_power_off_may_only_stop_the_machine() {
    let off = Outcome::Ended { code: 0, message: String::new(), cause: Some(ShutdownCause::GuestShutdown) };
    let mut bench = Bench::new("");
    assert!(bench.monitor.ends(&off, &mut bench.machine));
    let mut bench = Bench::new("--no-shutdown");
    assert!(!bench.monitor.ends(&off, &mut bench.machine));
    assert_eq!((bench.status(), bench.events()), ("shutdown".into(), vec!["SHUTDOWN".into(), "STOP".into()]));
    assert_eq!(desc(&bench.run(json!({"execute": "cont"}))), "Resetting the Virtual Machine is required");
    bench.run(json!({"execute": "system_reset"}));
    bench.run(json!({"execute": "cont"}));
    assert_eq!(bench.status(), "running");
    assert!(!bench.monitor.ends(&Outcome::More, &mut bench.machine));
}

#[test]
fn memory_is_saved_and_shown() {
    let mut bench = Bench::new("");
    bench.machine.memory().write(x86_types::GuestPhysAddr(0x9000), b"hello, monitor");
    assert_eq!(bench.human("pmemsave 0x9000 5 \"a file\""), "");
    assert_eq!(bench.files.0["a file"], b"hello");
    let arguments = json!({"val": 0x9007, "size": 7, "filename": "b"});
    assert_eq!(bench.run(json!({"execute": "pmemsave", "arguments": arguments})), json!({"return": {}}));
    assert_eq!(bench.files.0["b"], b"monitor");
    assert_eq!(bench.human("xp/5c 0x9000"), "0000000000009000: 'h' 'e' 'l' 'l' 'o'\n");
    assert_eq!(bench.human("xp/2xb 0x9000 + 1"), "0000000000009001: 0x65 0x6c\n");
    assert_eq!(bench.human("xp 0x9000"), "0000000000009000: 0x68\n", "the format stays");
    let huge = json!({"val": 0, "size": u64::MAX, "filename": "c"});
    assert!(
        desc(&bench.run(json!({"execute": "pmemsave", "arguments": huge}))).starts_with("the size is larger")
    );
    assert_eq!(
        bench.human("pmemsave 0"),
        "unexpected end of expression\nTry \"help pmemsave\" for more information\n"
    );
    assert_eq!(bench.human("print/x 12+3"), "0xf\n");
}

#[test]
fn what_is_not_there_is_said() {
    let mut bench = Bench::new("");
    let picture = json!({"execute": "screendump", "arguments": {"filename": "x.ppm"}});
    assert_eq!(desc(&bench.run(picture)), "There is no console to take a screendump from");
    assert_eq!(bench.human("frob"), "unknown command: 'frob'\n");
    assert_eq!(bench.human("stop/x"), "unknown command: 'stop/x'\n");
    assert_eq!(bench.human("info frob"), "unknown command: 'info frob'\n");
    assert_eq!(bench.human("eject nope"), "Error: Device 'nope' not found\n");
    assert_eq!(bench.human("sendkey nope"), "invalid parameter: nope\n");
    assert_eq!(
        bench.human("change"),
        "change: block device name expected\nTry \"help change\" for more information\n"
    );
    let device = json!({"execute": "eject", "arguments": {"device": "nope"}});
    assert_eq!(bench.run(device)["error"]["class"], "DeviceNotFound");
    let far =
        json!({"execute": "human-monitor-command", "arguments": {"command-line": "x 0", "cpu-index": 9}});
    assert_eq!(desc(&bench.run(far)), "there is no processor 9");
    let abs = json!({"events": [{"type": "abs", "data": {"axis": "x", "value": 3}}]});
    let answer = bench.run(json!({"execute": "input-send-event", "arguments": abs}));
    assert_eq!(desc(&answer), "Input handler not found for event type abs");
    let key = json!({"keys": [{"type": "qcode", "data": "zz"}]});
    let answer = bench.run(json!({"execute": "send-key", "arguments": key}));
    assert_eq!(desc(&answer), "Parameter 'data' does not accept value 'zz'");
}

#[test]
fn trays_that_move_are_events() {
    let mut bench = Bench::new("--guest demo --device ide-cd,id=cd");
    let eject = || json!({"execute": "eject", "arguments": {"id": "cd"}});
    bench.run(eject());
    let events = bench.monitor.take_events(&bench.files);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["event"], "DEVICE_TRAY_MOVED");
    assert_eq!(events[0]["data"], json!({"device": "cd", "id": "cd", "tray-open": true}));
    // It is open already.
    bench.run(eject());
    bench.monitor.advance(&mut bench.machine);
    assert_eq!(bench.events(), [""; 0]);
}

#[test]
fn every_command_without_arguments_is_answered() {
    let mut bench = Bench::new("");
    for name in Command::NAMES.iter().filter(|name| name.starts_with("query-")) {
        let answer = bench.run(json!({"execute": name}));
        assert!(answer.get("return").is_some(), "{name}: {answer}");
    }
    for topic in [
        "block",
        "cpus",
        "kvm",
        "lapic",
        "mem",
        "mtree",
        "name",
        "pci",
        "pic",
        "registers",
        "roms",
        "status",
        "tlb",
        "uuid",
        "version",
    ] {
        let text = bench.human(&format!("info {topic}"));
        assert!(!text.starts_with("unknown"), "{topic}");
    }
    assert!(bench.human("info pic").contains("pic0: irr="), "{}", bench.human("info pic"));
    assert!(bench.human("info pci").contains("PCI device 8086:1237"));
    assert!(bench.human("info registers").starts_with("\nCPU#0\n"));
    assert!(bench.human("help").contains("sendkey keys [hold_ms] -- "));
    assert_eq!(bench.human("help stop"), "stop|s  -- stop emulation\n");
}

#[test]
fn the_run_loop_comes_back_to_release_keys() {
    let mut bench = Bench::new("");
    let now = bench.machine.now();
    bench.monitor.hold_keys(&[KeyCode::KeyA], 1, &mut bench.machine);
    let mut alarms = 0;
    while bench.monitor.keys.deadline().is_some() && bench.machine.retired() < 1_000_000 {
        if bench.machine.run(1_000_000) == machine::Stop::Alarm {
            alarms += 1;
            bench.monitor.advance(&mut bench.machine);
        }
    }
    assert_eq!(alarms, 2);
    let passed = bench.machine.now().since(now);
    assert!((2_000_000..2_100_000).contains(&passed), "{passed}");
    bench.run(json!({"execute": "stop"}));
    assert_eq!(bench.human("sendkey a"), "");
    assert!(bench.monitor.keys.deadline().is_none(), "a machine that stands has no keyboard");
}

#[test]
fn states_are_saved_and_loaded() {
    let mut bench = Bench::new("");
    assert_eq!(bench.machine.run(50_000), machine::Stop::Limit);
    assert_eq!(bench.human("savevm here"), "");
    let hash = bench.machine.state_hash();
    assert_eq!(bench.machine.run(90_000), machine::Stop::Limit);
    assert_ne!(bench.machine.state_hash(), hash);
    assert_eq!(bench.human("loadvm here"), "");
    assert_eq!(bench.machine.state_hash(), hash);
    assert_eq!(bench.human("loadvm there"), "Error: there is no there\n");
    assert_eq!(
        bench.human("savevm"),
        "savevm: filename expected\nTry \"help savevm\" for more information\n"
    );
}
