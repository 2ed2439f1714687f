# Makes an image of one partition with ext4, which begins at 1 MiB, of root.tar: both are in the folder $1.
set -eu
PATH=$PATH:/usr/sbin:/sbin
cd "$1"
trap 'rm -rf root' EXIT
mkdir root
tar -xpf root.tar -C root --numeric-owner --exclude='./dev/*'
rm root.tar
cp root/usr/lib/grub/i386-pc/boot.img root/boot/grub/core.img .
# Features that GRUB knows, whatever this mke2fs has by default.
features=none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file
rm -f disk.img
truncate -s "$2" disk.img
mke2fs -q -F -t ext4 -L debian -m 0 -O "$features,dir_nlink,extra_isize,metadata_csum" -E offset=1048576,root_owner=0:0 -d root disk.img "$(($2 / 1024 - 1024))k"
