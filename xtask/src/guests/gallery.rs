//! Guests that the page offers beside Debian's kernel, from Debian's packages.

use super::packages::{Apt, unpack};
use super::{Bits, Scratch, alpine, cache, disk, write_once};
use crate::apt;
use crate::report::Report;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// A file that is served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Its path on the server, without the first slash
    pub(crate) url: &'static str,
    source: Source,
}

/// Where a file comes from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// A package of Debian's, and the path in it
    Package(&'static str, &'static str),
    /// Alpine's image with this ending
    Alpine(&'static str),
    /// Debian on a disk, made of many packages
    Disk,
}

const fn offer(url: &'static str, package: &'static str, file: &'static str) -> Offer {
    Offer { url, source: Source::Package(package, file) }
}

const INSTALLER: &str = "debian-installer-12-netboot-amd64";

/// What is fetched one after another: packages by apt, all of Alpine at once, the disk.
#[derive(Clone, Copy)]
pub(crate) enum Queue {
    Apt,
    Alpine,
    Disk,
}

/// What is offered.
const OFFERS: &[Offer] = &[
    Offer { url: "guests/debian/disk.img", source: Source::Disk },
    Offer { url: "guests/alpine/linux", source: Source::Alpine("kernel") },
    Offer { url: "guests/alpine/initrd", source: Source::Alpine("initrd") },
    Offer { url: "guests/alpine/disk.qcow2", source: Source::Alpine("qcow2") },
    offer("guests/memtest/memtest.bin", "memtest86+", "boot/memtest86+x64.bin"),
    offer("guests/ipxe/ipxe.lkrn", "ipxe", "boot/ipxe.lkrn"),
    offer("guests/invaders/invaders.exec", "grub-invaders", "boot/invaders.exec"),
    offer("guests/grub/rescue.iso", "grub-rescue-pc", "usr/lib/grub-rescue/grub-rescue-cdrom.iso"),
    offer("guests/uefi/OVMF.fd", "ovmf", "usr/share/ovmf/OVMF.fd"),
    offer(
        "guests/installer/linux",
        INSTALLER,
        "usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/linux",
    ),
    offer(
        "guests/installer/initrd.gz",
        INSTALLER,
        "usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/initrd.gz",
    ),
    offer(
        "guests/installer/gtk/initrd.gz",
        INSTALLER,
        "usr/lib/debian-installer/images/12/amd64/gtk/debian-installer/amd64/initrd.gz",
    ),
];

/// Returns the offer at a path on the server.
pub(crate) fn at(url: &str) -> Option<&'static Offer> {
    OFFERS.iter().find(|offer| offer.url == url)
}

impl Offer {
    /// Its path in the cache.
    fn place(&self, cache: &Path) -> PathBuf {
        cache.join("gallery").join(self.url.trim_start_matches("guests/").replace('/', "-"))
    }

    pub(crate) fn queue(&self) -> Queue {
        match self.source {
            Source::Package(..) => Queue::Apt,
            Source::Alpine(_) => Queue::Alpine,
            Source::Disk => Queue::Disk,
        }
    }

    /// Returns the file if it is in the cache.
    ///
    /// # Errors
    /// There is no cache.
    pub(crate) fn ready(&self) -> Result<Option<PathBuf>> {
        Ok(Some(self.place(&cache()?)).filter(|place| place.is_file()))
    }

    /// Returns the file; it is fetched or made first where it is missing.
    ///
    /// # Errors
    /// A program or a package that cannot be had.
    pub(crate) fn file(&self, report: &Report) -> Result<PathBuf> {
        let cache = cache()?;
        let place = self.place(&cache);
        if place.is_file() {
            return Ok(place);
        }
        match self.source {
            Source::Package(package, _) => fetch(report, package, &cache)?,
            Source::Alpine(_) => {
                let ending = |offer: &Offer| match offer.source {
                    Source::Alpine(ending) => Some((ending, offer.place(&cache))),
                    _ => None,
                };
                let places: Vec<_> = OFFERS.iter().filter_map(ending).collect();
                let places: Vec<_> =
                    places.iter().map(|(ending, place)| (*ending, place.as_path())).collect();
                alpine::fetch(report, &places, &cache.join("gallery").join("LICENSE-alpine"))?;
            }
            Source::Disk => {
                std::fs::create_dir_all(cache.join("gallery"))?;
                disk::make(report, &place)?;
            }
        }
        Ok(place)
    }
}

/// Fetches a package, for everything in it that is offered, and its licence.
fn fetch(report: &Report, package: &str, cache: &Path) -> Result<()> {
    apt::require(package)?;
    report.say(&format!("downloading {package}"));
    let scratch = Scratch::new(&cache.join("gallery"), package)?;
    let deb = Apt { bits: Bits::B64, cache }.download(report, package, scratch.path())?;
    let tree = unpack(&deb, scratch.path())?;
    let license = cache.join("gallery").join(format!("LICENSE-{package}"));
    let copyright = (format!("usr/share/doc/{package}/copyright"), license);
    let files = OFFERS.iter().filter_map(|offer| match offer.source {
        Source::Package(name, file) if name == package => Some((file.to_owned(), offer.place(cache))),
        _ => None,
    });
    for (file, place) in std::iter::once(copyright).chain(files) {
        let bytes = std::fs::read(tree.join(&file))
            .with_context(|| format!("Debian's package {package} has no {file}"))?;
        write_once(&place, &bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offer_is_found_by_its_own_path_and_has_its_own_place() {
        let mut places = Vec::new();
        for offer in OFFERS {
            assert_eq!(at(offer.url), Some(offer));
            places.push(offer.place(Path::new("cache")));
        }
        places.sort();
        places.dedup();
        assert_eq!(places.len(), OFFERS.len());
        assert_eq!(at("guests/debian/vmlinuz"), None);
    }
}
