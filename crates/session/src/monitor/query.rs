//! QMP's queries.

use super::{Monitor, Target};
use crate::monitor::command::Command;
use device_api::DriveInfo;
use machine::MAX_PROCESSORS;
use serde_json::{Value, json};

/// Returns the version of QEMU of the protocol, and the name and version of this program.
pub(crate) fn version() -> Value {
    json!({ "qemu": { "major": 7, "minor": 2, "micro": 0 }, "package": package() })
}

/// Name and version of this program.
pub(super) fn package() -> String {
    format!("v64 {}", env!("CARGO_PKG_VERSION"))
}

impl Monitor {
    pub(super) fn query_status(&self) -> Value {
        json!({ "status": self.state.name(), "singlestep": false, "running": self.is_running() })
    }

    pub(super) fn query_commands() -> Value {
        let names = Command::NAMES.iter().chain(&["qmp_capabilities"]);
        names.map(|name| json!({ "name": name })).collect()
    }

    pub(super) fn query_name(&self) -> Value {
        match &self.setup.name {
            Some(name) => json!({ "name": name }),
            None => json!({}),
        }
    }

    /// Processors take turns on one thread, which has no number here.
    pub(super) fn query_cpus_fast(target: &Target<'_>) -> Value {
        let cpu = |n: usize| {
            json!({
                "cpu-index": n,
                "qom-path": format!("/machine/unattached/device[{n}]"),
                "thread-id": 0,
                "props": { "socket-id": n, "core-id": 0, "thread-id": 0 },
                "target": "x86_64",
            })
        };
        (0..target.machine.vcpus().len()).map(cpu).collect()
    }

    pub(super) fn query_machines() -> Value {
        json!([{
            "name": "pc-i440fx-7.2",
            "alias": "pc",
            "is-default": true,
            "cpu-max": MAX_PROCESSORS,
            "hotpluggable-cpus": false,
            "numa-mem-supported": false,
            "deprecated": false,
            "acpi": true,
        }])
    }

    pub(super) fn query_block(&self, target: &mut Target<'_>) -> Value {
        target.machine.drives().iter().map(|drive| self.drive(drive)).collect()
    }

    fn drive(&self, drive: &DriveInfo) -> Value {
        let mut out = json!({
            "device": drive.id,
            "qdev": drive.id,
            "type": "unknown",
            "removable": drive.removable,
            "locked": drive.locked,
            "io-status": "ok",
        });
        if drive.removable {
            out["tray_open"] = drive.open.into();
        }
        if let Some(medium) = drive.medium {
            let (file, format) = self.file_of(&drive.id);
            out["inserted"] = json!({
                "file": file,
                "drv": format,
                "ro": medium.read_only,
                "node-name": drive.id,
                "backing_file_depth": 0,
                "encrypted": false,
                "detect_zeroes": "off",
                "write_threshold": 0,
                "bps": 0, "bps_rd": 0, "bps_wr": 0, "iops": 0, "iops_rd": 0, "iops_wr": 0,
                "cache": { "writeback": true, "direct": false, "no-flush": false },
                "image": { "filename": file, "format": format, "virtual-size": medium.bytes },
            });
        }
        out
    }

    /// Returns file and format of the medium in a drive.
    pub(super) fn file_of(&self, drive: &str) -> (&str, &str) {
        let medium = self.media.get(drive);
        let format = medium.and_then(|medium| medium.format.as_deref()).unwrap_or("raw");
        (medium.map_or("", |medium| &medium.file), format)
    }
}
