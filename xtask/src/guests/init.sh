#!/bin/sh
# The first program of the guest: mounts, says that it is there, gives a shell or runs what the kernel's command
# line asks for (v64.run="commands"), and switches the machine off.
export PATH=/bin HOME=/ TERM=vt100 PS1='v64:\w# '
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
# The kernel's messages stay in dmesg from here on, so that they do not fall into the guest's own lines.
dmesg -n 1
echo "v64: Debian kernel $(uname -r) is up"
commands=$(sed -n 's/.*v64\.run="\([^"]*\)".*/\1/p' /proc/cmdline)
if [ -n "$commands" ]; then
    sh -c "$commands"
    echo "v64: exit status $?"
else
    echo "v64: a shell follows; leaving it switches the machine off"
    setsid cttyhack sh
fi
poweroff -f
