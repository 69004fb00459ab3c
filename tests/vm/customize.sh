#!/bin/sh
# Makes of a fresh Debian (the folder $1) the virtual machine of `cargo xtask vm-test`: a user who is not root, and a unit that runs
# what the second disk brings and turns the machine off.
set -eu
root=$1

echo lambent-vm >"$root/etc/hostname"
echo '127.0.0.1 localhost lambent-vm' >"$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"

# useradd writes the ranges of /etc/subuid and /etc/subgid. Lingering, the user has services without a login.
chroot "$root" useradd --create-home --shell /bin/bash ordinary
mkdir -p "$root/var/lib/systemd/linger"
touch "$root/var/lib/systemd/linger/ordinary"

cat >"$root/etc/systemd/system/payload.service" <<'UNIT'
[Unit]
Description=Runs what the second disk brings
Wants=user@1000.service
After=multi-user.target user@1000.service

[Service]
Type=oneshot
StandardOutput=file:/dev/ttyS1
StandardError=file:/dev/ttyS1
ExecStart=/bin/sh -c 'mkdir -p /opt/payload && tar -x -C /opt/payload -f /dev/vdb && exec sh /opt/payload/run.sh'
ExecStopPost=/bin/systemctl --no-block poweroff
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../payload.service "$root/etc/systemd/system/multi-user.target.wants/payload.service"
