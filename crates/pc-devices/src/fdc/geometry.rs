//! Kinds of drives, and the formats that images of media have.

use super::spec::{SECTOR, rate};
use crate::codec::{codec_enum, codec_struct};

/// A kind of drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriveType {
    /// 5.25 inch, 1.2 MB
    D120,
    /// 3.5 inch, 1.44 MB
    D144,
    /// 3.5 inch, 2.88 MB
    D288,
}
codec_enum!(DriveType { D120, D144, D288 });

impl DriveType {
    /// Returns the kind that a value of `drive-type` names; `None` for `auto`.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "120" => Some(Self::D120),
            "144" => Some(Self::D144),
            "288" => Some(Self::D288),
            _ => None,
        }
    }

    /// Returns the kind of a drive: the given one, else that of the medium's size, else 2.88 MB.
    pub fn choose(named: Option<Self>, medium_bytes: Option<u64>) -> Self {
        let by_medium = || medium_bytes.map(|bytes| Format::of(None, bytes).drive);
        named.or_else(by_medium).unwrap_or(Self::D288)
    }

    /// Returns the value of `drive-type` that names the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::D120 => "120",
            Self::D144 => "144",
            Self::D288 => "288",
        }
    }

    /// Returns the number of the kind in CMOS memory, which firmware reads.
    pub fn cmos(self) -> u8 {
        match self {
            Self::D120 => 2,
            Self::D144 => 4,
            Self::D288 => 5,
        }
    }

    fn is_5_inch(self) -> bool {
        self == Self::D120
    }
}

/// How a medium is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    /// The drive it is made for
    pub(super) drive: DriveType,
    /// Sectors of a track
    pub(super) sectors: u8,
    /// Tracks of a side
    pub(super) tracks: u8,
    /// Sides
    pub(super) heads: u8,
    /// Data rate
    pub(super) rate: u8,
}
codec_struct!(Format { drive, sectors, tracks, heads, rate });

const fn format(drive: DriveType, sectors: u8, tracks: u8, heads: u8, rate: u8) -> Format {
    Format { drive, sectors, tracks, heads, rate }
}

/// QEMU's formats, in the order of the search. Media of other sizes get the first format of the kind of drive.
const FORMATS: &[Format] = &[
    format(DriveType::D144, 18, 80, 2, rate::K500),
    format(DriveType::D144, 20, 80, 2, rate::K500),
    format(DriveType::D144, 21, 80, 2, rate::K500),
    format(DriveType::D144, 21, 82, 2, rate::K500),
    format(DriveType::D144, 21, 83, 2, rate::K500),
    format(DriveType::D144, 22, 80, 2, rate::K500),
    format(DriveType::D144, 23, 80, 2, rate::K500),
    format(DriveType::D144, 24, 80, 2, rate::K500),
    format(DriveType::D288, 36, 80, 2, rate::M1),
    format(DriveType::D288, 39, 80, 2, rate::M1),
    format(DriveType::D288, 40, 80, 2, rate::M1),
    format(DriveType::D288, 44, 80, 2, rate::M1),
    format(DriveType::D288, 48, 80, 2, rate::M1),
    // 720 KB, 3.5 inch
    format(DriveType::D144, 9, 80, 2, rate::K250),
    format(DriveType::D144, 10, 80, 2, rate::K250),
    format(DriveType::D144, 10, 82, 2, rate::K250),
    format(DriveType::D144, 10, 83, 2, rate::K250),
    format(DriveType::D144, 13, 80, 2, rate::K250),
    format(DriveType::D144, 14, 80, 2, rate::K250),
    // 1.2 MB
    format(DriveType::D120, 15, 80, 2, rate::K500),
    format(DriveType::D120, 18, 80, 2, rate::K500),
    format(DriveType::D120, 18, 82, 2, rate::K500),
    format(DriveType::D120, 18, 83, 2, rate::K500),
    format(DriveType::D120, 20, 80, 2, rate::K500),
    // 720 KB, 5.25 inch
    format(DriveType::D120, 9, 80, 2, rate::K250),
    format(DriveType::D120, 11, 80, 2, rate::K250),
    // 360 KB and 180 KB
    format(DriveType::D120, 9, 40, 2, rate::K300),
    format(DriveType::D120, 9, 40, 1, rate::K300),
    format(DriveType::D120, 10, 41, 2, rate::K300),
    format(DriveType::D120, 10, 42, 2, rate::K300),
    // 320 KB and 160 KB
    format(DriveType::D120, 8, 40, 2, rate::K250),
    format(DriveType::D120, 8, 40, 1, rate::K250),
    // 360 KB, 3.5 inch, behind the one that 5.25 inch drives have
    format(DriveType::D144, 9, 80, 1, rate::K250),
];

/// Refuses a medium that is larger than any floppy.
pub(super) fn check_size(bytes: u64) -> Result<(), String> {
    let most = FORMATS.iter().map(Format::total).max().unwrap_or_default() * SECTOR as u64;
    match bytes <= most {
        true => Ok(()),
        false => Err(format!(
            "the medium has {bytes} bytes, and no floppy more than {most}; give a CD image as -cdrom, a disk as -hda"
        )),
    }
}

impl Format {
    /// Returns how many sectors there are.
    pub(super) fn total(&self) -> u64 {
        u64::from(self.sectors) * u64::from(self.tracks) * u64::from(self.heads)
    }

    /// Returns the format of a medium of this size in a drive (`None`: in whichever drive takes it): the drive's own of
    /// that size, one of that size on disks as wide, or the drive's first.
    pub(super) fn of(drive: Option<DriveType>, bytes: u64) -> Format {
        let total = bytes.div_ceil(SECTOR as u64);
        let fits = |format: &&Format| drive.is_none_or(|drive| format.drive == drive);
        let as_wide =
            |format: &&Format| drive.is_none_or(|drive| format.drive.is_5_inch() == drive.is_5_inch());
        let fallback = drive.unwrap_or(DriveType::D288);
        let of_size = || FORMATS.iter().filter(|format| format.total() == total);
        let first = || FORMATS.iter().find(|format| format.drive == fallback);
        let found = of_size().find(fits).or_else(|| of_size().find(as_wide)).or_else(first);
        found.copied().unwrap_or(format(DriveType::D144, 18, 80, 2, rate::K500))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_larger_than_floppies_are_refused() {
        assert_eq!((check_size(0), check_size(3_932_160)), (Ok(()), Ok(())));
        let error = check_size(4 << 20).unwrap_err();
        assert!(
            error.starts_with("the medium has 4194304 bytes, and no floppy more than 3932160;"),
            "{error}"
        );
    }

    #[test]
    fn media_by_size() {
        use DriveType::*;
        // KiB, drive; format
        let table = [
            (160, None, format(D120, 8, 40, 1, rate::K250)),
            (180, None, format(D120, 9, 40, 1, rate::K300)),
            (320, None, format(D120, 8, 40, 2, rate::K250)),
            (360, None, format(D120, 9, 40, 2, rate::K300)),
            (360, Some(D144), format(D144, 9, 80, 1, rate::K250)),
            (720, None, format(D144, 9, 80, 2, rate::K250)),
            (720, Some(D120), format(D120, 9, 80, 2, rate::K250)),
            (720, Some(D288), format(D144, 9, 80, 2, rate::K250)),
            (1200, None, format(D120, 15, 80, 2, rate::K500)),
            (1440, None, format(D144, 18, 80, 2, rate::K500)),
            (1440, Some(D288), format(D144, 18, 80, 2, rate::K500)),
            (1440, Some(D120), format(D120, 18, 80, 2, rate::K500)),
            (2880, None, format(D288, 36, 80, 2, rate::M1)),
            // Other sizes
            (1, None, format(D288, 36, 80, 2, rate::M1)),
            (1, Some(D144), format(D144, 18, 80, 2, rate::K500)),
            (1, Some(D120), format(D120, 15, 80, 2, rate::K500)),
        ];
        for (kib, drive, want) in table {
            assert_eq!(Format::of(drive, kib << 10), want, "{kib} KiB in {drive:?}");
        }
    }

    #[test]
    fn kinds_of_drives() {
        // Named, size of the medium in KiB, kind, CMOS
        let table = [
            ("auto", Some(360), DriveType::D120, 2),
            ("auto", Some(1440), DriveType::D144, 4),
            ("auto", None, DriveType::D288, 5),
            ("144", Some(360), DriveType::D144, 4),
        ];
        for (name, kib, kind, cmos) in table {
            let chosen = DriveType::choose(DriveType::of(name), kib.map(|kib: u64| kib << 10));
            assert_eq!((chosen, chosen.cmos()), (kind, cmos), "{name} {kib:?}");
        }
    }
}
