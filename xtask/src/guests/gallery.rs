//! Guests that the page offers beside Debian's kernel, from Debian's packages.

use super::packages::{Apt, unpack};
use super::{Bits, cache, write_once};
use crate::apt;
use crate::report::Report;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// A file that is served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Its path on the server, without the first slash
    pub(crate) url: &'static str,
    package: &'static str,
    /// Its path in the package
    file: &'static str,
}

const fn offer(url: &'static str, package: &'static str, file: &'static str) -> Offer {
    Offer { url, package, file }
}

const INSTALLER: &str = "debian-installer-12-netboot-amd64";

/// What is offered.
const OFFERS: &[Offer] = &[
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

    /// Returns the file; its package is fetched first where it is missing.
    ///
    /// # Errors
    /// No apt, or a package that cannot be had.
    pub(crate) fn file(&self, report: &Report) -> Result<PathBuf> {
        let cache = cache()?;
        let place = self.place(&cache);
        if !place.is_file() {
            fetch(report, self.package, &cache)?;
        }
        Ok(place)
    }
}

/// Fetches a package, for everything in it that is offered, and its licence.
fn fetch(report: &Report, package: &str, cache: &Path) -> Result<()> {
    apt::require(package)?;
    report.say(&format!("downloading {package}"));
    let scratch = cache.join("gallery").join(format!("fetch.{}", std::process::id()));
    std::fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
    let outcome = (|| {
        let deb = Apt { bits: Bits::B64, cache }.download(report, package, &scratch)?;
        let tree = unpack(&deb, &scratch)?;
        let license = cache.join("gallery").join(format!("LICENSE-{package}"));
        let copyright = (format!("usr/share/doc/{package}/copyright"), license);
        let offers = OFFERS.iter().filter(|offer| offer.package == package);
        let files = offers.map(|offer| (offer.file.to_owned(), offer.place(cache)));
        for (file, place) in std::iter::once(copyright).chain(files) {
            let bytes = std::fs::read(tree.join(&file))
                .with_context(|| format!("Debian's package {package} has no {file}"))?;
            write_once(&place, &bytes)?;
        }
        Ok(())
    })();
    std::fs::remove_dir_all(&scratch)?;
    outcome
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
