//! Failing mirrors and registries. `apt-get`, `npm` and `cargo` are scripts here that fail as the real ones do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A machine whose only programs are the scripts in its folder `bin`. Each logs its calls in the file `log`.
struct Machine {
    folder: PathBuf,
}

impl Machine {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("v64-mirrors-{name}-{}", std::process::id()));
        let machine = Self { folder };
        for part in ["bin", "cache/v64", "project/xtask", "project/target/quick", "project/target/release"] {
            fs::create_dir_all(machine.folder.join(part)).unwrap();
        }
        machine.program("id", "echo 0");
        machine.program("apt-cache", "[ -e lists ] && echo '  Depends: linux-image-6.1.0-1-cloud-amd64'");
        machine.program("dpkg-deb", UNPACK);
        machine.program("rustc", "exit 1");
        machine
    }

    fn program(&self, name: &str, script: &str) {
        let folder = self.folder.display();
        let text = format!(
            "#!/bin/sh\nfor last; do :; done\nM='{folder}'\necho \"{name} $*\" >>\"$M/log\"\n{script}\n"
        );
        self.executable(
            &format!("bin/{name}"),
            &text.replace("[ -e ", "[ -e \"$M\"/").replace(": >", ": >\"$M\"/"),
        );
    }

    fn executable(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.folder.join(path), text).unwrap();
    }

    /// The Debian guest and a v64 that says how it was called are there; cargo builds it by `script`.
    fn with_cargo(self, script: &str) -> Self {
        let metadata =
            format!(r#"{{"packages":[],"target_directory":"{}/project/target"}}"#, self.folder.display());
        self.program(
            "cargo",
            &format!("case \"$*\" in metadata*) echo '{metadata}'; exit 0;; esac\n{script}"),
        );
        self.executable("project/target/quick/v64", "#!/bin/sh\necho called with $*\n");
        self.executable("cache/v64/busybox", "#!/bin/sh\necho sh\n");
        self.write("cache/v64/vmlinuz", "");
        self.write("cache/v64/kernel-package", "linux-image-1");
        self
    }

    fn xtask(&self, args: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(args).env_clear().env("PATH", self.folder.join("bin"));
        command.env("HOME", &self.folder).env("XDG_CACHE_HOME", self.folder.join("cache"));
        command.env("CARGO", self.folder.join("bin/cargo"));
        command.env("CARGO_MANIFEST_DIR", self.folder.join("project/xtask"));
        Ended::new(command.output().unwrap(), &self.folder)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const UNPACK: &str = "/bin/mkdir -p \"$last/boot\" \"$last/bin\"
echo kernel >\"$last/boot/vmlinuz-1\"
printf '#!/bin/sh\\necho sh\\n' >\"$last/bin/busybox\"
/bin/chmod 755 \"$last/bin/busybox\"";

/// How a task ended.
struct Ended {
    good: bool,
    out: String,
    err: String,
    log: String,
}

impl Ended {
    fn new(output: Output, folder: &Path) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            good: output.status.success(),
            out: text(&output.stdout),
            err: text(&output.stderr),
            log: fs::read_to_string(folder.join("log")).unwrap_or_default(),
        }
    }

    /// How often a program was called with arguments that begin or go on like this.
    fn calls(&self, what: &str) -> usize {
        self.log.lines().filter(|line| line.contains(what)).count()
    }

    /// The task failed, and this is the line that says why.
    #[track_caller]
    fn why(&self) -> &str {
        assert!(!self.good, "{}{}", self.out, self.err);
        self.err.lines().last().unwrap()
    }

    #[track_caller]
    fn is_good(&self) {
        assert!(self.good, "{}{}\n{}", self.out, self.err, self.log);
    }
}

const BROKEN_LIST: &str = "*update*) : >lists
    echo 'Hit:1 http://mirror/debian bookworm InRelease'
    echo 'E: Failed to fetch http://mirror/binary-i386/Packages.xz  File has unexpected size' >&2; exit 100;;";

fn apt(cases: &str) -> String {
    format!("case \"$*\" in\n{cases}\nesac")
}

#[test]
fn a_broken_list_does_not_stop_the_download() {
    let machine = Machine::new("list");
    let cases = format!("{BROKEN_LIST}\n*download*) echo >\"${{last}}_1_amd64.deb\";;");
    machine.program("apt-get", &apt(&cases));
    let ended = machine.xtask(&["fetch-guests"]);
    ended.is_good();
    assert!(ended.out.contains("(linux-image-6.1.0-1-cloud-amd64)"), "{}", ended.out);
    assert!(ended.err.contains("File has unexpected size; using the others"), "{}", ended.err);
    assert_eq!(ended.calls("apt-get -q -o DPkg::Lock::Timeout=300 update"), 2);
    assert_eq!(ended.calls("apt-get -q download"), 2);
}

#[test]
fn a_failed_download_is_retried_with_new_lists() {
    let machine = Machine::new("download");
    machine.write("lists", "");
    let cases = "*update*) ;;
        *linux*) [ -e tried ] || { : >tried; echo 'E: Failed to fetch x  404  Not Found' >&2; exit 100; }
            echo >\"${last}_1_amd64.deb\";;
        *) echo >\"${last}_1_all.deb\"";
    machine.program("apt-get", &apt(cases));
    let ended = machine.xtask(&["fetch-guests"]);
    ended.is_good();
    assert_eq!(ended.calls("apt-get -q download linux-image-6.1.0-1-cloud-amd64"), 2);
    assert_eq!(ended.calls("update"), 1);
}

#[test]
fn a_package_that_is_not_available_is_named() {
    let machine = Machine::new("gone");
    let cases = format!(
        "{BROKEN_LIST}
        *busybox*) echo 'E: Failed to fetch x  503  Service Unavailable' >&2; exit 100;;
        *) echo >\"${{last}}_1_amd64.deb\""
    );
    machine.program("apt-get", &apt(&cases));
    let ended = machine.xtask(&["fetch-guests"]);
    assert_eq!(
        ended.why(),
        "xtask fetch-guests: Debian's package busybox-static could not be fetched (2 attempts): \
         Failed to fetch x  503  Service Unavailable (some package lists could not be fetched: \
         Failed to fetch http://mirror/binary-i386/Packages.xz  File has unexpected size)"
    );
    assert_eq!(ended.calls("download busybox-static"), 3);
}

#[test]
fn an_installation_survives_a_broken_list_and_a_failed_attempt() {
    let machine = Machine::new("install").with_cargo("exit 0");
    let cases = format!(
        "{BROKEN_LIST}
        *install*) [ -e tried ] || {{ : >tried; echo 'E: Unable to fetch some archives' >&2; exit 100; }}
            : >bin/cc;;"
    );
    machine.program("apt-get", &apt(&cases));
    let ended = machine.xtask(&["test", "--step", "tools", "--no-system"]);
    ended.is_good();
    assert_eq!(ended.calls("install -y --no-install-recommends gcc"), 2);
    assert!(ended.out.trim_end().ends_with("1 passed, 0 failed"), "{}", ended.out);
}

#[test]
fn the_missing_one_of_several_packages_is_named() {
    let machine = Machine::new("several").with_cargo("exit 1");
    machine.executable("project/target/release/v64", "");
    machine.program("gcc", "echo libc.a");
    let cases = "*libc6-dev-i386*) echo 'E: Unable to locate package libc6-dev-i386' >&2; exit 100;;";
    machine.program("apt-get", &apt(cases));
    let ended =
        machine.xtask(&["bench", "--no-build", "--engines", "native", "--bits", "32", "--parts", "programs"]);
    let why = ended.why();
    assert!(why.contains("Debian's package libc6-dev-i386 could not be fetched"), "{why}");
    assert!(why.contains("Unable to locate package libc6-dev-i386"), "{why}");
    assert!(!why.contains("gcc-multilib cannot"), "{why}");
}

#[test]
fn without_root_the_error_says_what_to_run() {
    let machine = Machine::new("right").with_cargo("exit 0");
    machine.program("id", "echo 1000");
    machine.program("apt-get", "exit 1");
    let ended = machine.xtask(&["test", "--step", "tools", "--no-system"]);
    assert!(!ended.good);
    assert!(ended.out.contains("needs root or sudo; run `apt-get install gcc` as root"), "{}", ended.out);
}

const NO_REGISTRY: &str =
    "echo 'npm error code E503' >&2; echo 'npm error 503 Service Unavailable - GET v86' >&2; exit 1";
const V86: [&str; 8] = ["bench", "--no-build", "--engines", "v86", "--bits", "32", "--parts", "programs"];

fn with_npm(name: &str, script: &str) -> Machine {
    let machine = Machine::new(name);
    std::os::unix::fs::symlink("/bin/sh", machine.folder.join("bin/sh")).unwrap();
    machine.program("node", "echo v26.1.0");
    machine.program("apt-get", "exit 0");
    machine.program("npm", script);
    machine
}

#[test]
fn an_npm_package_is_tried_twice_and_then_named() {
    let ended = with_npm("npm", NO_REGISTRY).xtask(&V86);
    let why = ended.why();
    assert!(
        why.starts_with(
            "xtask bench: npm's package v86 could not be fetched (2 attempts): code E503; 503 Service"
        ),
        "{why}"
    );
    assert!(why.contains("`npm config get registry`"), "{why}");
    assert_eq!(ended.calls("npm install"), 2);
}

#[test]
fn a_second_attempt_of_npm_counts() {
    let ended =
        with_npm("npm-again", &format!("[ -e tried ] && exit 0\n: >tried\n{NO_REGISTRY}")).xtask(&V86);
    assert_eq!(ended.calls("npm install"), 2);
    assert!(ended.err.contains("npm's package v86: code E503"), "{}", ended.err);
    assert!(!ended.why().contains("npm"), "{}", ended.err);
}

const NO_INDEX: &str = "echo 'error: failed to get `anyhow` as a dependency of package `v64`' >&2
    printf '\\nCaused by:\\n  download of config.json failed\\n\\nCaused by:\\n  [7] Could not connect to server\\n' >&2; exit 101";

#[test]
fn a_second_attempt_of_cargo_counts() {
    let machine = Machine::new("cargo").with_cargo(&format!("[ -e tried ] && exit 0\n: >tried\n{NO_INDEX}"));
    let ended = machine.xtask(&["linux", "--run", "true"]);
    ended.is_good();
    assert!(ended.out.starts_with("called with run -m 512M --kernel "), "{}", ended.out);
    assert_eq!(ended.calls("cargo build --profile quick"), 2);
    assert!(ended.err.contains("Could not connect to server; retrying"), "{}", ended.err);
}

#[test]
fn an_unreachable_registry_is_one_line() {
    let ended = Machine::new("registry").with_cargo(NO_INDEX).xtask(&["linux"]);
    let why = ended.why();
    assert!(why.contains("cargo could not fetch a crate (2 attempts): failed to get `anyhow`"), "{why}");
    assert!(why.contains("Could not connect to server; try again later"), "{why}");
    assert_eq!(ended.calls("cargo build"), 2);
}

#[test]
fn a_compile_error_is_not_retried() {
    let script =
        "echo 'error[E0308]: mismatched types' >&2; echo 'error: could not compile `v64`' >&2; exit 101";
    let ended = Machine::new("types").with_cargo(script).xtask(&["linux"]);
    assert!(!ended.good && ended.err.contains("E0308"), "{}", ended.err);
    assert_eq!(ended.calls("cargo build"), 1);
}
