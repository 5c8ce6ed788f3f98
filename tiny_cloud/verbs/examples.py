"""What stands at the end of each verb's help, and in its man page: one line each, with what it
does. A test takes every one of them apart as click does."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("tinycloud explain vm.disks", "what can be written, and what changing it costs"),
        ("tinycloud plan", "what would change; changes nothing"),
        ("tinycloud apply", "the same, then asks, and does it"),
    ),
    "init": (
        ("tinycloud init", "in this folder; what is there stays as it is"),
        ("tinycloud init lab", "in a folder of its own"),
    ),
    "import": (
        ("tinycloud import vm/old", "a domain that another tool has made"),
        ("tinycloud import --all -o manifests", "all of them, a file for each thing"),
    ),
    "fmt": (
        ("tinycloud fmt", "all files in manifests/"),
        ("tinycloud fmt --check", "for CI: exits with 1 if one is in another form"),
    ),
    "pin": (
        ("tinycloud pin", "all images that are downloaded"),
    ),
    "validate": (
        ("tinycloud validate", "the folder manifests/"),
        ("kustomize build overlays/prod | tinycloud validate -", "what another tool writes"),
    ),
    "explain": (
        ("tinycloud explain", "the kinds there are"),
        ("tinycloud explain vm", "all fields of a machine"),
        ("tinycloud explain vm.disks.size", "one of them"),
        ("tinycloud explain network --recursive", "everything below, with its type"),
    ),
    "schema": (
        ("tinycloud schema vm > vm.json", "for # yaml-language-server: $schema=vm.json"),
        ("tinycloud schema --all > tinycloud.json", "one for all kinds"),
    ),
    "plan": (
        ("tinycloud plan", "what would change"),
        ("tinycloud plan --commands", "and what a person would type for it"),
        ("tinycloud plan --out plan.json", "to be reviewed, and applied as it is"),
        ("tinycloud plan --detailed-exitcode", "exits with 2 if there are changes"),
        ("tinycloud plan --restart vm/web", "with consent to restart that machine"),
    ),
    "apply": (
        ("tinycloud apply", "plans, asks, and does it"),
        ("tinycloud apply --plan plan.json --yes", "the plan that was reviewed, and no other"),
        ("tinycloud apply --target vm/web", "one machine and what it needs"),
        ("tinycloud apply --prune", "also removes what is no longer declared"),
    ),
    "destroy": (
        ("tinycloud destroy", "removes definitions and keeps data"),
        ("tinycloud destroy --delete-data 'disk/*'", "files of disks go to the trash as well"),
    ),
    "diff": (
        ("tinycloud diff | less -R", "what a reviewer wants to see"),
        ("tinycloud diff --target vm/web", "of one machine and what it needs"),
    ),
    "get": (
        ("tinycloud get", "everything"),
        ("tinycloud get vm", "machines"),
        ("tinycloud get 'vm/web-*' -o yaml", "some of them, whole"),
        ("tinycloud get -l tier=front -o name", "for a script"),
    ),
    "describe": (
        ("tinycloud describe vm/web", "declared, actual, its disks, its last changes"),
    ),
    "graph": (
        ("tinycloud graph", "what stands on what, as a tree"),
        ("tinycloud graph -o dot | dot -Tsvg > graph.svg", "as a picture"),
    ),
    "history": (
        ("tinycloud history", "the last runs"),
        ("tinycloud history vm/web", "what was done to one machine"),
    ),
    "start": (
        ("tinycloud start web", "one machine"),
        ("tinycloud start 'web-*'", "several, at once"),
    ),
    "stop": (
        ("tinycloud stop web", "asks it to power off, and waits"),
        ("tinycloud stop web --force-off", "and pulls the plug if it does not"),
    ),
    "restart": (
        ("tinycloud restart web", "what waits for a boot takes effect"),
    ),
    "console": (
        ("tinycloud console web", "Ctrl-] leaves it"),
        ("tinycloud console web --wait", "from its first words on"),
    ),
    "ssh": (
        ("tinycloud ssh web", "as whom the manifest gives a key or password"),
        ("tinycloud ssh web -- uptime", "one command; the exit code is ssh's"),
    ),
    "ip": (
        ("tinycloud ip web", "its addresses, and who says so"),
    ),
    "wait": (
        ("tinycloud wait web --for ssh", "until one can log in"),
        ("tinycloud wait 'web-*' --for ip --timeout 5m", "several, at once"),
    ),
    "logs": (
        ("tinycloud logs web", "what its console and its qemu have said"),
        ("tinycloud logs web --follow", "and go on saying"),
    ),
    "snapshot": (
        ("tinycloud snapshot create web before-upgrade", "all its disks, and its memory"),
        ("tinycloud snapshot list web", "what there is"),
        ("tinycloud snapshot revert web before-upgrade", "back to it"),
    ),
    "flatten": (
        ("tinycloud flatten web-root", "disk/web-root stands on no image any more"),
    ),
    "commit": (
        ("tinycloud commit web-root golden >> manifests/images.yaml", "image/golden, for git"),
    ),
    "check": (
        ("tinycloud check", "all disks and images"),
        ("tinycloud check disk/web-root --repair", "mends it after a copy into the trash"),
    ),
    "verify": (
        ("tinycloud verify", "all guests"),
        ("tinycloud verify vm/web", "one of them"),
    ),
    "mount": (
        ("tinycloud mount web", "all disks of a machine, in a folder of its own"),
        ("tinycloud mount disk/web-root /mnt", "one disk, in an empty folder"),
    ),
    "status": (
        ("tinycloud status", "who is at work, and what is left"),
    ),
    "repair": (
        ("tinycloud repair", "shows what it would remove, asks, and does it"),
    ),
    "gc": (
        ("tinycloud gc", "images that nothing stands on go to the trash"),
    ),
    "purge": (
        ("tinycloud purge", "empties the trash"),
    ),
    "doctor": (
        ("tinycloud doctor", "what this host can do, and what the manifests need of it"),
        ("tinycloud doctor -o json", "the same for a program"),
    ),
    "completion": (
        ("tinycloud completion bash > ~/.local/share/bash-completion/completions/tinycloud",
         "for bash"),
        ("tinycloud completion zsh > ~/.zfunc/_tinycloud",
         "for zsh, if ~/.zfunc is in fpath before compinit"),
        ("tinycloud completion fish > ~/.config/fish/completions/tinycloud.fish", "for fish"),
    ),
}


def epilog(verb: str) -> str:
    """For click, which folds everything but what follows a line of ``\\b`` alone."""
    shown = EXAMPLES.get(verb, ())
    if not shown:
        return ""
    lines = [f"  {line}\n      {what}" for line, what in shown]
    return "\b\nExamples:\n" + "\n".join(lines)
