# Before packages are configured: an initrd with the drivers of this machine's disks only, which firmware reads in a moment.
set -eu
mkdir -p "$1/etc/initramfs-tools/conf.d"
echo 'MODULES=list' > "$1/etc/initramfs-tools/conf.d/modules"
printf '%s\n' ata_piix ata_generic sd_mod sr_mod ext4 > "$1/etc/initramfs-tools/modules"
