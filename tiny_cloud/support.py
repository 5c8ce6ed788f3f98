"""What the field knows of formats, stores and operations, and what becomes of it here. Pure.

The one place where that is said: images are told apart by it, manifests get their sentence from it
where they name what is refused, and docs/storage.md is written from it by its test.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Format(Struct, frozen=True):
    """Of a file that holds a disk."""

    name: str
    """qemu's word, and the manifest's."""
    what: str
    disk: bool = False
    """Whether disks of machines are made in it, or used where they are (external)."""
    refused: str = ""
    """Why it is not imported, as the end of a sentence; empty: it is."""
    instead: str = ""
    magic: tuple[bytes, ...] = ()
    """How a file of a refused one begins."""


FORMATS = (
    Format("raw", "the disk byte for byte, with holes where nothing was written", disk=True),
    Format("qcow2", "QEMU's own, versions 2 and 3", disk=True),
    Format("qcow", "its first version, not encrypted"),
    Format("vdi", "VirtualBox, dynamic and fixed"),
    Format("vmdk", "VMware: monolithicSparse, streamOptimized; monolithicFlat, "
           "twoGbMaxExtentSparse, twoGbMaxExtentFlat by their descriptor"),
    Format("vpc", "VHD of Virtual PC and Hyper-V, dynamic and fixed (which has to be declared)"),
    Format("vhdx", "Hyper-V"),
    Format("cow", "user-mode Linux", magic=(b"OOOM",),
           refused="a cow image, which no qemu of today reads",
           instead="let a qemu of before 2.2 convert it to qcow2"),
    Format("qed", "QEMU's enhanced disk", magic=(b"QED\0",),
           refused="a qed image, which QEMU gave up for qcow2 and reads only for its own past",
           instead="qemu-img convert -f qed -O qcow2"),
    Format("parallels", "Parallels", magic=(b"WithoutFreeSpace", b"WithouFreSpacExt"),
           refused="a Parallels image, which no second reader checks",
           instead="qemu-img convert -f parallels -O qcow2"),
    Format("luks", "an encrypted disk", magic=(b"LUKS\xba\xbe",),
           refused="encrypted", instead="decrypt it first"),
    Format("iso", "a CD image", refused="a CD image, not a disk", instead="attach it as a cdrom"),
)
READ = {item.name for item in FORMATS if not item.refused}


def by_magic(head: bytes) -> Format | None:
    """The refused format that a file begins like."""
    return next((item for item in FORMATS if item.magic and head.startswith(item.magic)), None)


class Row(Struct, frozen=True):
    """A store or an operation."""

    what: str
    how: str
    """Where it is declared, or by what it is done."""
    refused: str = ""
    """Why it is not there, as a sentence without its point; empty: it is."""
    instead: str = ""
    fields: tuple[str, ...] = ()
    """``Disk.size``: what has to be in the schemas if it is supported, and must not if not."""


STORES = (
    Row("a file", "`Disk`, qcow2 or raw, in the cloud's storage", fields=("Disk.format",)),
    Row("a file or block device made elsewhere", "`Disk` with `external: true` and its `path`",
        fields=("Disk.external", "Disk.path")),
    Row("a base image", "`Image`, a read-only qcow2", fields=("Image.source",)),
    Row("a base image made elsewhere", "`Image` with `external: true`, `path` and `format`",
        fields=("Image.external", "Image.path", "Image.format")),
    Row("a logical volume", "`LogicalVolume`: linear, striped, thin, snapshots",
        fields=("LogicalVolume.volumeGroup", "LogicalVolume.size")),
    Row("iSCSI, with CHAP", "`disks[].iscsi`", fields=(
        "VirtualMachine.disks[].iscsi", "VirtualMachine.disks[].iscsi.host",
        "VirtualMachine.disks[].iscsi.port", "VirtualMachine.disks[].iscsi.target",
        "VirtualMachine.disks[].iscsi.lun", "VirtualMachine.disks[].iscsi.auth",
        "VirtualMachine.disks[].iscsi.auth.user", "VirtualMachine.disks[].iscsi.auth.secret")),
    Row("NBD, on TCP, TLS or a Unix socket", "`disks[].nbd`", fields=(
        "VirtualMachine.disks[].nbd", "VirtualMachine.disks[].nbd.host",
        "VirtualMachine.disks[].nbd.port", "VirtualMachine.disks[].nbd.socket",
        "VirtualMachine.disks[].nbd.export", "VirtualMachine.disks[].nbd.tls")),
    Row("Ceph's RBD, with cephx", "`RBDImage`: blank or a clone of a snapshot", fields=(
        "RBDImage.monitors", "RBDImage.pool", "RBDImage.config", "RBDImage.auth.user",
        "RBDImage.auth.secret", "RBDImage.size", "RBDImage.cloneOf.pool",
        "RBDImage.cloneOf.image", "RBDImage.cloneOf.snapshot")),
    Row("an image of Ceph made elsewhere", "`disks[].rbd`", fields=(
        "VirtualMachine.disks[].rbd", "VirtualMachine.disks[].rbd.monitors",
        "VirtualMachine.disks[].rbd.pool", "VirtualMachine.disks[].rbd.image",
        "VirtualMachine.disks[].rbd.config", "VirtualMachine.disks[].rbd.auth",
        "VirtualMachine.disks[].rbd.auth.user", "VirtualMachine.disks[].rbd.auth.secret")),
    Row("AoE, DRBD and whatever is a block device", "an external `Disk` by its stable path",
        fields=("Disk.external", "Disk.path")),
    Row("sheepdog", "", refused="it is no more: qemu dropped it in 6.1",
        instead="use Ceph (rbd) for what several hosts share",
        fields=("VirtualMachine.disks[].sheepdog",)),
)

OPERATIONS = (
    Row("import an image of another format", "`source.path`, `source.url`",
        fields=("Image.source.path", "Image.source.url", "Image.source.format")),
    Row("build an image from packages", "`source.debootstrap`",
        fields=("Image.source.debootstrap",)),
    Row("write settings into a base image", "`guest:` of `Image`, another file for other settings",
        fields=("Image.guest",)),
    Row("take out of a base image what a used machine left", "`sysprep: true`, or operations",
        fields=("Image.sysprep",)),
    Row("compress a base image", "`compression: zlib` or `zstd`", fields=("Image.compression",)),
    Row("make an overlay of an image", "`image`", fields=("Disk.image",)),
    Row("make an overlay of an overlay, at any depth", "`base`", fields=("Disk.base",)),
    Row("make a raw overlay", "", refused="raw has no place for the name of a base, nor for what "
        "differs from it", instead="leave `format` out: overlays are qcow2"),
    Row("make an overlay of an encrypted disk", "",
        refused="a base is opened without a key", instead="encrypt the overlay in its place"),
    Row("move a disk to another base or a new version of it", "`apply --rebase disk/NAME`, "
        "the machine off; what its guest sees stays the same", fields=("Disk.image", "Disk.base")),
    Row("rebase without comparing (`-u`), or in place", "",
        refused="a kill in the middle, or another content, would leave a disk cut in two",
        instead="`--rebase` works on a copy, and compares it"),
    Row("rebase or flatten a disk that has internal snapshots", "",
        refused="they would lose what they stand on",
        instead="delete them first: `qemu-img snapshot -d`"),
    Row("rebase, flatten or commit an encrypted disk", "",
        refused="what copies and compares disks is given no key, and an image is for everybody",
        instead="make it anew, and copy what is in it inside a machine"),
    Row("make a disk stand alone", "`tinycloud flatten DISK`, the machine off"),
    Row("make an image of a disk", "`tinycloud commit DISK NEW-IMAGE`, the machine off"),
    Row("write a disk into its base (`qemu-img commit`)", "",
        refused="whatever else stands on the base would change with it",
        instead="`tinycloud commit` makes an image of its own"),
    Row("remove images that nothing stands on", "`tinycloud gc`, to the trash"),
    Row("make a blank disk", "`size` without `image`", fields=("Disk.size",)),
    Row("allocate space beforehand", "`preallocation`: off, metadata, falloc or full",
        fields=("Disk.preallocation",)),
    Row("allocate space under an overlay without extended L2", "",
        refused="what is allocated would hide the image", instead="add `extendedL2: true`"),
    Row("choose cluster size, lazy refcounts, extended L2 entries of a qcow2",
        "`clusterSize`, `lazyRefcounts`, `extendedL2`, for a new disk",
        fields=("Disk.clusterSize", "Disk.lazyRefcounts", "Disk.extendedL2")),
    Row("write a guest's settings into an image of Ceph, or stand a disk on one", "",
        refused="libguestfs and qemu-img are not given its key",
        instead="prepare the snapshot that it is cloned from"),
    Row("delete an image of Ceph", "`reclaimPolicy`, to Ceph's trash; `purge`",
        fields=("RBDImage.reclaimPolicy",)),
    Row("delete an image of Ceph that has snapshots or clones", "",
        refused="what stands on them would lose it", instead="`rbd flatten`, `rbd snap rm`"),
    Row("grow a disk, also under a running machine", "`size`", fields=("Disk.size",)),
    Row("shrink a disk", "", refused="what lies behind the new end would be lost",
        instead="make a smaller disk and copy what is in this one"),
    Row("keep or delete what a disk or image held", "`reclaimPolicy`, `purge`",
        fields=("Disk.reclaimPolicy", "Image.reclaimPolicy")),
    Row("import one file of an image whose data is in others", "",
        refused="a backing file, a parent or an external data file could be any file of the host",
        instead="convert it where it comes from, to one file; a split VMDK is read whole"),
    Row("borrow a disk or an image that stands on a file outside of its folder and of the cloud's "
        "storage, or keeps its data in another file", "",
        refused="its own header names that file, and could name any file of the host",
        instead="put both into one folder, or make one image of them: `qemu-img convert`"),
    Row("encrypt with LUKS, in qcow2, on raw or on a logical volume", "`encryption`",
        fields=("Disk.encryption", "LogicalVolume.encryption")),
    Row("encrypt a thin pool", "", refused="libvirt opens volumes, and nothing opens a pool",
        instead="encrypt the volumes in it"),
    Row("encrypt with AES inside qcow and qcow2 (`encryption=aes`)", "",
        refused="its cipher can be broken, and qemu reads it only for its own past",
        instead="convert it where it comes from"),
    Row("a snapshot of a machine inside its qcow2 disks, with its memory if it runs",
        "`tinycloud snapshot create`, `revert`, `delete`"),
    Row("a snapshot by overlays on files and block devices, raw ones too",
        "`tinycloud snapshot create --external`"),
    Row("an internal snapshot of a machine with a raw disk", "",
        refused="raw has no place for it", instead="`--external`"),
    Row("a snapshot of a machine with an encrypted disk", "",
        refused="an overlay would hold in the clear what is encrypted below, and so would its "
        "memory", instead="take it inside the guest"),
    Row("a snapshot of a disk on the network, shareable or external", "",
        refused="it is kept, or written to, where nobody here sees it",
        instead="take it where the disk is stored"),
    Row("revert to an external snapshot that others stand on, or delete it", "",
        refused="those would stand on nothing", instead="delete the newer ones first"),
    Row("check disks and images", "`tinycloud check`: qcow2 in full, raw by its size, base images "
        "by their digest"),
    Row("look into the tables of an encrypted disk, or of one in use", "",
        refused="qemu-img has no key, and what runs changes them meanwhile",
        instead="switch it off; of an encrypted one only its header and size are looked at"),
    Row("repair a qcow2 that nobody uses", "`tinycloud check --repair`, after a copy to the trash"),
    Row("repair a base image, or a file that is cut off", "",
        refused="disks stand on its very bytes, and what is missing nobody can write",
        instead="restore it, or make it anew"),
    Row("mount local disks with a system on them, reading only", "`tinycloud mount`"),
    Row("mount an encrypted disk", "", refused="guestmount is given no key",
        instead="look into it from inside a machine"),
)

ATTACHING = (
    Row("a disk on virtio, scsi, sata, usb or, on a pc, ide", "`disks[].bus`",
        fields=("VirtualMachine.disks[].disk", "VirtualMachine.disks[].bus")),
    Row("a CD, changed while the machine runs", "`cdroms[]`",
        fields=("VirtualMachine.cdroms[].path", "VirtualMachine.cdroms[].bus")),
    Row("cache, asynchronous I/O, discard", "`disks[].cache`, `io`, `discard`",
        fields=("VirtualMachine.disks[].cache", "VirtualMachine.disks[].io",
                "VirtualMachine.disks[].discard")),
    Row("an I/O thread of its own", "`disks[].iothread`, on virtio or scsi",
        fields=("VirtualMachine.disks[].iothread",)),
    Row("a serial number", "`disks[].serial`", fields=("VirtualMachine.disks[].serial",)),
    Row("boot order", "`boot`", fields=("VirtualMachine.boot",)),
    Row("read-only", "`disks[].readonly`", fields=("VirtualMachine.disks[].readonly",)),
    Row("used by several machines at once", "`disks[].shareable`, raw",
        fields=("VirtualMachine.disks[].shareable",)),
    Row("one disk in several machines without `shareable`", "",
        refused="two guests would write over each other",
        instead="give each machine an overlay of its own"),
)

WORDS: Mapping[str, tuple[str, str]] = {
    **{item.name: (f"that is {item.refused}", item.instead)
       for item in FORMATS if item.refused},
    **{row.what: (row.refused, row.instead) for row in STORES if row.refused},
}
"""What a manifest may name and is refused: the reason, and what to do instead."""
