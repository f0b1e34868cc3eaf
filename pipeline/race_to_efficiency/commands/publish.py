"""``race publish``: freeze a quarter and append it to the chain of published quarters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import options as opt
from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.places import Scheduler, Workers, computing
from race_to_efficiency.commands.run import asked_quarters
from race_to_efficiency.errors import InputMissing, RaceError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from race_to_efficiency.provenance.registry import Entry, Published
    from race_to_efficiency.settings.params import Workspace


def register(app: typer.Typer) -> None:
    """Add the verb ``publish``."""

    @app.command(epilog="Example: race publish --quarter 2026Q1 --sign-key ~/.keys/race.pem")
    def publish(
        quarter: Annotated[str | None, typer.Option(help="another quarter than params.yaml's")] = None,
        quarters: Annotated[
            str | None, typer.Option(help="publish every quarter of a range, one after the other: 2025Q1..2026Q1")
        ] = None,
        reconstructed: Annotated[
            bool,
            typer.Option("--reconstructed", help="published after the fact; implied for --quarter and by params.yaml"),
        ] = False,
        revise: Annotated[
            str | None, typer.Option("--revise", metavar="WHY", help="correct a published quarter in a new revision")
        ] = None,
        sign_key: Annotated[
            Path | None,
            typer.Option("--sign-key", envvar="RACE_SIGN_KEY", help="Ed25519 private key, readable by you alone"),
        ] = None,
        replaces_key: Annotated[
            Path | None,
            typer.Option("--replaces-key", help="private key that signed so far and hands over to --sign-key"),
        ] = None,
        close_chain: Annotated[
            str | None,
            typer.Option("--close-chain", metavar="NAME", help="end the chain here and keep it in reports/NAME"),
        ] = None,
        why: Annotated[str | None, typer.Option("--why", help="why the chain is closed")] = None,
        workers: Workers = None,
        scheduler: Scheduler = None,
        wait: opt.Wait = opt.WAIT,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Freeze a quarter: manifest of every file, ledgers as they stood, code, environment; a link of the chain.

        Brings the quarter up to date first. A published quarter is never written again; a correction is a new revision
        that names the old one. Published folders belong in git; the command prints how to add them. A signature vouches
        for this quarter and for all before it; the public key goes into your own folder of keys, outside the checkout.

        When a method changes so much that its quarters are worked out anew, --close-chain moves what is published
        aside, unchanged, and publishes nothing; the first quarter published next names that chain's head and why.
        """
        from race_to_efficiency.provenance import registry
        from race_to_efficiency.provenance.keys import load_signing_key
        from race_to_efficiency.provenance.publishing import next_revision
        from race_to_efficiency.settings.params import find_root

        spaces = asked_quarters(find_root(Path.cwd()), quarter, quarters)
        if close_chain is not None:
            end_chain(spaces[0], close_chain, why or "", as_json=as_json)
            return
        if replaces_key is not None and sign_key is None:
            raise UsageError("--replaces-key names the old key; --sign-key must name the new one", where="--sign-key")
        key, replaced = (load_signing_key(path) if path is not None else None for path in (sign_key, replaces_key))
        for workspace in spaces:  # refuses before anything is computed
            before = registry.latest(registry.read_entries(workspace.reports), str(workspace.quarter))
            next_revision(workspace, before, revise)
        told = []
        with computing(workers, scheduler):
            for place, workspace in enumerate(spaces):
                entry = publish_quarter(
                    workspace,
                    reconstructed=reconstructed,
                    revise=revise,
                    key=key,
                    replaced=None if place else replaced,
                    wait=wait,
                )
                told.append(published(workspace, entry).to_json())
                if not as_json:
                    show_entry(told[-1])
        if as_json:
            terminal.document(told[0] if quarters is None else {"quarters": told})


def publish_quarter(
    workspace: Workspace,
    *,
    reconstructed: bool,
    revise: str | None,
    key: Ed25519PrivateKey | None,
    replaced: Ed25519PrivateKey | None,
    wait: float,
) -> Entry:
    """Bring a quarter up to date and freeze it; the public key is kept in the user's own folder."""
    from race_to_efficiency import checkout
    from race_to_efficiency.commands import corridor
    from race_to_efficiency.provenance import keys, registry
    from race_to_efficiency.provenance.published_statements import keep_statements
    from race_to_efficiency.provenance.publishing import publish as freeze

    own = keys.user_folder()
    default = workspace.processed == workspace.root / "data" / "processed"
    with checkout.locked(workspace.root, f"race publish {workspace.quarter}", wait_seconds=wait):
        rebuild = corridor.reproduce if default else corridor.reproduce_quarter
        rebuild(workspace, force=False)
        entry = freeze(
            workspace,
            reconstructed=reconstructed or workspace.params.report.reconstructed,
            signing_key=key,
            replaced_key=replaced,
            revision_reason=revise,
            key_folder=own,
        )
        keep_statements(workspace)
        chain = [item.manifest_sha256 for item in registry.read_entries(workspace.reports)]
    if entry.key_id is None:
        terminal.progress("NOT SIGNED: whoever can write these files could rewrite them all; --sign-key PATH signs")
    elif key is not None:
        keep_in_own_folder(own, key.public_key(), chain)
    return entry


def published(workspace: Workspace, entry: Entry) -> Published:
    """Return a link with where its publication lies, and the command that keeps it in git."""
    from race_to_efficiency.provenance.registry import Published

    folder = f"{workspace.reports.name}/{entry.folder}"
    added = [folder, f"{workspace.reports.name}/registry.json", "data/published"]
    return Published(**vars(entry), path=folder, git=f"git add -f {' '.join(added)}")


def show_entry(entry: dict[str, Any]) -> None:
    """Print a publication for a person."""
    folder, digest = entry["path"], entry["manifest_sha256"]
    name = folder.rpartition("/")[2]
    revised = f"{entry['quarter']}, revision {entry['revision']}"
    terminal.line(f"{revised}, is published as number {entry['number']}: {folder}")
    terminal.line(f"manifest {digest}")
    terminal.line("this digest is now the head of the chain; noted elsewhere, it shows a dropped or rewritten end:")
    terminal.line(f"  git tag -s race-{name} -m {digest}; race audit verify --head DIGEST")
    terminal.line(f"keep it in git: {entry['git']} && git commit -m 'Publish {name}'")


def end_chain(workspace: Workspace, name: str, why: str, *, as_json: bool) -> None:
    """Close the chain of published quarters and say what to do next."""
    from race_to_efficiency.provenance.closed_chain import close_chain

    chain = close_chain(workspace, name, why)
    added = f"git add -A reports data/published && git add -f reports/{name}"
    command = f"{added} && git commit -m 'Close the chain of {name}'"
    if as_json:
        terminal.document({"chain": chain.name, "head": chain.head, "why": chain.why, "git": command})
    else:
        terminal.line(f"reports/{name} keeps the chain that ends with {chain.head}; the next publication names it.")
        terminal.line(command)


def keep_in_own_folder(folder: Path | None, key: Ed25519PublicKey, chain: list[str]) -> None:
    """Put the public key, and what it has signed, into the publisher's own folder of keys; say so where that fails."""
    from race_to_efficiency.provenance import keys, vouching

    try:
        if folder is None:
            raise InputMissing("there is no folder for your keys: neither RACE_KEYS nor a home is set")
        path = keys.keep_key(folder, key)
        vouching.remember(folder, keys.key_id(key), chain)
    except RaceError as error:
        terminal.progress(f"the public key was not kept outside the checkout: {error.what}")
    else:
        terminal.progress(f"signed with key {keys.key_id(key)}; give {path} to whoever verifies")
