"""Edits of networks, and of who has which address in them."""

from __future__ import annotations

from tests.integration.life import Life, Spec, edit


def first_networks() -> dict[str, Spec]:
    return {
        "lan": {"forward": "nat", "subnet": "10.232.1.0/24",
                "dhcp": {"from": "10.232.1.100", "to": "10.232.1.200"}},
        "inner": {"forward": "isolated", "subnet": "10.232.2.0/24",
                  "dhcp": {"from": "10.232.2.10", "to": "10.232.2.99"}},
    }


def prefix(spec: Spec) -> str:
    return str(spec["subnet"]).rpartition(".")[0]


def pick(life: Life) -> tuple[str, Spec]:
    name = life.dice.choice(sorted(life.networks))
    return name, life.networks[name]


def perhaps_restart(life: Life, name: str) -> str:
    if life.chance(0.5):
        life.allow(f"network/{name}", "restart")
        return " (restart)"
    return ""


@edit(4)
def dhcp(life: Life) -> str:
    name, spec = pick(life)
    low = life.dice.randint(50, 120)
    kept = any(card.get("network") == name and "address" in card
               for machine in life.machines.values() for card in machine["interfaces"])
    if "dhcp" in spec and not kept and life.chance(0.2):
        del spec["dhcp"]
    else:
        spec["dhcp"] = {"from": f"{prefix(spec)}.{low}", "to": f"{prefix(spec)}.{low + 50}"}
    return f"{name} has dhcp {spec.get('dhcp')}"


@edit(4)
def hosts(life: Life) -> str:
    name, spec = pick(life)
    dns = spec.setdefault("dns", {})
    entries = [{"address": f"{prefix(spec)}.{number}", "names": [f"h{number}", "mx"][:number % 3]}
               for number in (life.dice.sample((3, 4, 5, 7), life.dice.randint(0, 3)))
               if number % 3]
    dns["hosts"] = entries
    if not entries:
        del spec["dns"]
    return f"{name} knows {entries}"


@edit(4)
def how_a_network_is(life: Life) -> str:
    name, spec = pick(life)
    key = life.dice.choice(["mtu", "domain", "forward", "autostart"])
    life.toggle(spec, key, *{"mtu": (1450, 1400), "domain": ("a.example", "b.example"),
                             "forward": ("nat", "isolated", "route", "open"),
                             "autostart": (True, False)}[key])
    return f"{name} has {key} {spec.get(key)}{perhaps_restart(life, name)}"


@edit(1)
def subnet(life: Life) -> str:
    """Another one, with all that lies in it."""
    name, spec = pick(life)
    base = {"lan": 10, "inner": 20, "extra": 30}[name] + life.dice.randrange(3)
    old, new = prefix(spec), f"10.232.{base}"
    spec["subnet"] = f"{new}.0/24"
    if "dhcp" in spec:
        spec["dhcp"] = {key: value.replace(old + ".", new + ".")
                        for key, value in spec["dhcp"].items()}
    for entry in spec.get("dns", {}).get("hosts", ()):
        entry["address"] = entry["address"].replace(old + ".", new + ".")
    for machine in life.machines.values():
        for card in machine["interfaces"]:
            if card.get("network") == name and "address" in card:
                card["address"] = card["address"].replace(old + ".", new + ".")
    return f"{name} has subnet {spec['subnet']}{perhaps_restart(life, name)}"


@edit(5)
def address(life: Life) -> str:
    machine, spec = life.pick()
    cards = [card for card in spec["interfaces"] if life.networks.get(
        card.get("network", ""), {}).get("dhcp")]
    if not cards or spec["disks"]:
        return ""
    card = life.dice.choice(cards)
    net = life.networks[card["network"]]
    taken = {item.get("address") for other in life.machines.values()
             for item in other["interfaces"]}
    free = [f"{prefix(net)}.{number}" for number in range(10, 16)
            if f"{prefix(net)}.{number}" not in taken]
    if "address" in card and life.chance(0.4):
        del card["address"]
    else:
        card["address"] = life.dice.choice(free)
    return f"{machine}'s card is {card}"


@edit(2)
def a_third_network(life: Life) -> str:
    used = any(card.get("network") == "extra"
               for spec in (*life.machines.values(), *life.lingering.values())
               for card in spec["interfaces"])
    if "extra" not in life.networks:
        life.networks["extra"] = {"subnet": "10.232.30.0/24"}
        return "extra is new"
    if used:
        return ""
    del life.networks["extra"]
    life.prune = True
    for name in life.lingering:
        life.allow(f"virtualmachine/{name}", "force_off")
    return "extra is gone (prune)"
