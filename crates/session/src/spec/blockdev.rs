//! `-blockdev`: images as nodes, which `-device` names.

use super::{BlockSpec, Keyed, MachineSpec, MediaKind};
use crate::RunArgs;
use anyhow::{Result, bail, ensure};
use device_api::DeviceSpec;
use std::path::PathBuf;

/// Drivers of formats.
const FORMATS: [&str; 3] = ["raw", "qcow2", "vmdk"];
/// Properties of both kinds of drivers that are accepted and have no effect.
const IGNORED: [&str; 5] = ["auto-read-only", "cache.direct", "cache.no-flush", "discard", "detect-zeroes"];

/// What a node is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// A file of the host's
    File(PathBuf),
    /// Another node
    Node(String),
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    name: String,
    /// Its format; `None` for a file as it is
    format: Option<String>,
    source: Source,
    read_only: bool,
}

/// Takes the rest of the properties of `driver=file`. `prefix` is what their names begin with. Returns the file.
fn file(options: &mut Keyed, prefix: &str) -> Result<PathBuf> {
    options.accept(&format!("{prefix}locking"), &["auto", "on", "off"])?;
    options.ignore(&[&format!("{prefix}aio")]);
    let name = format!("{prefix}filename");
    match options.take(&name).filter(|file| !file.is_empty()) {
        Some(file) => Ok(file.into()),
        None => bail!("-blockdev {} names no file; give {name}=FILE", options.text()),
    }
}

/// `-blockdev driver=qcow2,node-name=NAME,file.driver=file,file.filename=FILE`, or the same as JSON. Returns the node,
/// and the one below it if that has a name.
fn parse(text: &str) -> Result<Vec<Node>> {
    let mut options = Keyed::parse_or_json("-blockdev", text)?;
    let Some(driver) = options.take("driver") else {
        bail!("-blockdev {text} names no driver; give driver=raw, qcow2 or file")
    };
    let Some(name) = options.take("node-name") else {
        bail!("-blockdev {text} needs a name, by which -device has it: node-name=NAME")
    };
    let read_only = options.switch("read-only", false)?;
    options.ignore(&IGNORED);
    options.accept("force-share", &["off"])?;
    let mut nodes = Vec::new();
    let (format, source) = match driver.as_str() {
        "file" => (None, Source::File(file(&mut options, "")?)),
        _ if FORMATS.contains(&driver.as_str()) => {
            let source = match options.take("file") {
                Some(node) => Source::Node(node),
                None => {
                    let below = options.take("file.driver");
                    match below.as_deref() {
                        Some("file") => {}
                        Some(other) => bail!(
                            "-blockdev: file.driver={other} is not there; the file is on this host: file.driver=file"
                        ),
                        None => bail!(
                            "-blockdev {text} has no file; give file.driver=file,file.filename=FILE, or file=NODE"
                        ),
                    }
                    let below = options.take("file.node-name");
                    options.switch("file.read-only", false)?;
                    options
                        .ignore(&IGNORED.map(|name| format!("file.{name}")).each_ref().map(String::as_str));
                    let path = file(&mut options, "file.")?;
                    match below {
                        None => Source::File(path),
                        Some(below) => {
                            let source = Source::File(path);
                            nodes.push(Node { name: below.clone(), format: None, source, read_only });
                            Source::Node(below)
                        }
                    }
                }
            };
            (Some(driver), source)
        }
        _ => bail!("-blockdev: driver={driver} is not there; possible: {}, file", FORMATS.join(", ")),
    };
    options.end()?;
    nodes.push(Node { name, format, source, read_only });
    Ok(nodes)
}

/// Returns a property of a device's.
fn property<'a>(device: &'a DeviceSpec, name: &str) -> Option<&'a str> {
    device.properties.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

impl MachineSpec {
    /// `-blockdev`, and flash memories that name its nodes. `devices` are those of `-device`.
    pub(super) fn add_blockdevs(&mut self, args: &RunArgs, devices: &[DeviceSpec]) -> Result<()> {
        let mut nodes: Vec<Node> = Vec::new();
        for text in &args.blockdev {
            ensure!(
                !args.snapshot,
                "-snapshot does not reach the nodes of -blockdev; give -drive file=FILE,snapshot=on instead"
            );
            for node in parse(text)? {
                let taken = nodes.iter().any(|other| other.name == node.name)
                    || self.blocks.iter().any(|block| block.id == node.name);
                ensure!(!taken, "-blockdev {text}: two drives are called {}", node.name);
                nodes.push(node);
            }
        }
        let flash = [&args.machine.pflash0, &args.machine.pflash1];
        for (index, drive) in flash.into_iter().enumerate() {
            let Some(drive) = drive else { continue };
            ensure!(
                nodes.iter().any(|node| node.name == *drive),
                "-machine pflash{index}={drive}: no -blockdev has this node-name"
            );
            let device = DeviceSpec::new("cfi.pflash01").named(&format!("pflash{index}"));
            self.devices.push(device.with("drive", drive));
        }
        let users: Vec<_> = self.devices.iter().chain(devices).collect();
        let mut blocks = Vec::new();
        for node in &nodes {
            let file = match &node.source {
                Source::File(file) => file,
                Source::Node(below) => match nodes.iter().find(|other| other.name == *below) {
                    Some(Node { source: Source::File(file), format: None, .. }) => file,
                    Some(_) => bail!("-blockdev {}: {below} is no node of driver=file; name one", node.name),
                    None => bail!("-blockdev {}: no -blockdev has the node-name {below}", node.name),
                },
            };
            let above = nodes.iter().find(|other| other.source == Source::Node(node.name.clone()));
            let user = users.iter().find(|device| property(device, "drive") == Some(&node.name));
            if let Some(above) = above {
                let Some(user) = user else { continue };
                let (user, name) = (&user.model, &node.name);
                bail!("-device {user},drive={name}: {name} is below {}; give drive={0}", above.name);
            }
            let kind = match user.map(|device| device.model.as_str()) {
                Some("ide-cd") => MediaKind::Cd,
                Some("floppy") => MediaKind::Floppy,
                Some("cfi.pflash01") => MediaKind::Flash,
                _ => MediaKind::Disk,
            };
            blocks.push(BlockSpec {
                id: node.name.clone(),
                file: file.clone(),
                kind,
                format: Some(node.format.clone().unwrap_or_else(|| "raw".to_owned())),
                read_only: node.read_only || kind == MediaKind::Cd,
                snapshot: false,
            });
        }
        self.blocks.extend(blocks);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::tests::args;

    fn blocks(line: &str) -> Result<Vec<String>, String> {
        let spec = MachineSpec::new(&args(line)).map_err(|error| error.to_string())?;
        let text = |block: BlockSpec| {
            let (kind, format) = (block.kind, block.format.unwrap_or_default());
            let access = if block.read_only { "r" } else { "rw" };
            format!("{}: {kind:?} {format} {} {access}", block.id, block.file.display())
        };
        Ok(spec.blocks.into_iter().map(text).collect())
    }

    #[test]
    fn nodes_are_images_of_what_uses_them() {
        let disk =
            "--blockdev driver=qcow2,node-name=d,file.driver=file,file.filename=a,,b,file.locking=auto";
        assert_eq!(blocks(disk), Ok(vec!["d: Disk qcow2 a,b rw".to_owned()]));
        let json = r#"--blockdev {"driver":"raw","node-name":"d","read-only":true,"cache":{"direct":false},"file":{"driver":"file","filename":"a,b"}}"#;
        assert_eq!(blocks(json), Ok(vec!["d: Disk raw a,b r".to_owned()]));
        let line = "--blockdev driver=file,node-name=f,filename=a --blockdev driver=raw,node-name=c,file=f \
             --blockdev driver=file,node-name=g,filename=b --device ide-cd,drive=c --device floppy,drive=g";
        assert_eq!(blocks(line), Ok(vec!["c: Cd raw a r".to_owned(), "g: Floppy raw b rw".to_owned()]));
        let flash = "--machine pc,pflash0=f --blockdev driver=file,node-name=f,filename=a,read-only=on";
        assert_eq!(blocks(flash), Ok(vec!["f: Flash raw a r".to_owned()]));
    }

    #[test]
    fn what_is_not_there_is_refused_in_one_line() {
        let raw = "driver=raw,node-name=d,file.driver=file";
        for (line, says) in [
            ("driver=raw", "needs a name, by which -device has it: node-name=NAME"),
            ("node-name=d", "names no driver; give driver=raw, qcow2 or file"),
            ("driver=nbd,node-name=d", "driver=nbd is not there; possible: raw, qcow2, vmdk, file"),
            ("driver=file,node-name=d", "names no file; give filename=FILE"),
            (raw, "names no file; give file.filename=FILE"),
            ("driver=raw,node-name=d", "has no file; give file.driver=file,file.filename=FILE, or file=NODE"),
            ("driver=raw,node-name=d,file.driver=http", "file.driver=http is not there"),
            ("driver=raw,node-name=d,file=e", "-blockdev d: no -blockdev has the node-name e"),
            ("driver=raw,node-name=d,file=d", "is no node of driver=file"),
            ("driver=file,node-name=d,filename=x,offset=1", "-blockdev has no offset; leave it out"),
            ("driver=file,node-name=d,filename=x --snapshot", "-snapshot does not reach the nodes"),
            ("driver=file,node-name=d,filename=x --drive if=none,id=d,file=x", "two drives are called d"),
            (
                "driver=raw,node-name=d,file.driver=file,file.filename=x,file.node-name=f --device ide-hd,drive=f",
                "-device ide-hd,drive=f: f is below d; give drive=d",
            ),
            ("{\"driver\":[1]}", "-blockdev"),
            ("{", "-blockdev {: no JSON"),
            ("driver=file,node-name=d,filename=x -M pflash1=e", "pflash1=e: no -blockdev has this node-name"),
        ] {
            let error = blocks(&format!("--blockdev {line}")).unwrap_err();
            assert!(error.contains(says) && !error.contains('\n'), "{line}: {error}");
        }
    }
}
