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
        ("tinycloud init homelab", "a folder with all that a repository needs"),
    ),
    "import": (
        ("tinycloud import vm/web", "one machine and its disks, to be read"),
        ("tinycloud import --all -o manifests", "a file for each thing that nobody declares"),
        ("tinycloud import --cloud-yaml cloud.yaml -o manifests", "from the tiny_cloud of 2012"),
    ),
    "fmt": (
        ("tinycloud fmt", "the folder manifests/"),
        ("tinycloud fmt --check", "for CI: exits with 1 if a file is in another form"),
    ),
    "pin": (
        ("tinycloud pin", "every image that is downloaded gets its digest"),
        ("tinycloud pin --check", "for CI: exits with 1 if one is missing"),
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
    "diff": (
        ("tinycloud diff", "the host on one side, manifests on the other"),
        ("tinycloud diff --target vm/web", "of one machine and what it needs"),
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
    "get": (
        ("tinycloud get", "all there is"),
        ("tinycloud get vm -o wide", "machines, with more columns"),
        ("tinycloud get vm/web -o yaml", "one of them, whole"),
        ("tinycloud get -l tier=front", "what has this label"),
    ),
    "describe": (
        ("tinycloud describe vm/web", "all that is known of a machine"),
    ),
    "graph": (
        ("tinycloud graph", "a tree of what stands on what"),
        ("tinycloud graph -o mermaid", "for a README"),
    ),
    "history": (
        ("tinycloud history", "the last runs"),
        ("tinycloud history vm/web --commands", "of one machine, with what was run"),
    ),
    "start": (
        ("tinycloud start web", "one machine"),
    ),
    "stop": (
        ("tinycloud stop 'web-*'", "several at once"),
        ("tinycloud stop web --force-off", "the plug is pulled if it does not power off"),
    ),
    "restart": (
        ("tinycloud restart web", "what waits for a boot takes effect"),
    ),
    "console": (
        ("tinycloud console web", "Ctrl-] leaves it"),
    ),
    "ssh": (
        ("tinycloud ssh web", "a shell"),
        ("tinycloud ssh web -- uptime", "one command, and its exit code"),
    ),
    "ip": (
        ("tinycloud ip web", "every address, and who says so"),
    ),
    "wait": (
        ("tinycloud wait web db --for ssh --timeout 2m", "before the next step of a script"),
    ),
    "logs": (
        ("tinycloud logs web -f", "what its console says, until Ctrl-C"),
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
