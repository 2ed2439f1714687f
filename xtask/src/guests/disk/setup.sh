# Readies the new system, whose root is $1: a root without a password, and GRUB, which boots it from a PC's disk.
set -eu
root=$1
sed -i 's/^root:[^:]*:/root::/' "$root/etc/passwd" "$root/etc/shadow"
echo debian > "$root/etc/hostname"
echo '127.0.0.1 localhost debian' > "$root/etc/hosts"
echo 'LABEL=debian / ext4 errors=remount-ro 0 1' > "$root/etc/fstab"
printf 'Debian GNU/Linux 12 \\n \\l\n\nLog in as root: there is no password.\n\n' > "$root/etc/issue"
modules=/usr/lib/grub/i386-pc
mkdir -p "$root/boot/grub/i386-pc"
cp "$root$modules"/*.mod "$root$modules"/*.lst "$root/boot/grub/i386-pc/"
chroot "$root" grub-mkimage -O i386-pc -o /boot/grub/core.img -p '(,msdos1)/boot/grub' \
  biosdisk boot cat configfile echo ext2 halt linux ls minicmd normal part_msdos reboot search search_label serial terminal
# The last console is the one that systemd reports to. Without mode setting the screen stays in text mode.
cat > "$root/boot/grub/grub.cfg" <<'END'
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
search --no-floppy --label debian --set=root
set timeout=3
menuentry "Debian GNU/Linux" {
  linux /vmlinuz root=LABEL=debian ro nomodeset console=ttyS0 console=tty0
  initrd /initrd.img
}
menuentry "Debian GNU/Linux, without systemd" {
  linux /vmlinuz root=LABEL=debian rw nomodeset console=ttyS0 console=tty0 init=/bin/bash
  initrd /initrd.img
}
END
rm -rf "$root/var/cache/apt/archives" "$root/var/lib/apt/lists"
mkdir -p "$root/var/cache/apt/archives/partial" "$root/var/lib/apt/lists/partial"
