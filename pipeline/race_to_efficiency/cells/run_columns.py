"""Which column of a stranger's table of training runs is which, under the names toolkits and papers give them."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from race_to_efficiency.cells.foreign_names import foreign_figure
from race_to_efficiency.cells.scales import SUFFIXES, UNITS, scale_of, split_unit
from race_to_efficiency.cells.text import tidy
from race_to_efficiency.named_options import Option, Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DIMENSIONS = {"params": "", "tokens": "", "compute_flop": "flop", "loss": "loss"}
"""Units a figure's cells may state (keys of `scales.UNITS`; the empty text: a count)."""

SPELLINGS: dict[str, tuple[str, ...]] = {
    "params": (
        "params", "param", "parameter", "parameters", "nparams", "numparams", "nparameters", "numparameters",
        "paramcount", "parametercount", "totalparams", "totalparameters", "modelparams", "modelparameters",
        "modelsize", "n",
    ),
    "tokens": (
        "tokens", "ntokens", "numtokens", "tokencount", "totaltokens", "trainingtokens", "traintokens", "ntraintokens",
        "numtraintokens", "numtrainingtokens", "tokensseen", "seentokens", "consumedtokens", "consumedtraintokens",
        "numinputtokensseen", "throughputtotaltokens", "d",
    ),
    "loss": (
        "loss", "lossnats", "finalloss", "lmloss", "lmlossvalidation", "valloss", "validationloss", "finalvalloss",
        "evalloss", "testloss", "trainloss", "trainingloss", "finaltrainloss", "lossval", "losstrain", "crossentropy",
        "crossentropyloss", "traincrossentropyloss", "evalcrossentropyloss", "celoss", "nll", "l",
    ),
    "compute_flop": (
        "computeflop", "computeflops", "compute", "flop", "flops", "trainingflop", "trainingflops", "trainflop",
        "trainflops", "totalflop", "totalflops", "totalflos", "trainingcompute", "c",
    ),
}  # fmt: skip
"""Names of the figures in letters and digits, lower case, as toolkits and papers write them."""

FURTHER: dict[str, tuple[str, ...]] = {
    "unique_tokens": (
        "uniquetokens", "nuniquetokens", "numuniquetokens", "uniquetokencount", "uniquetraintokens", "datasettokens",
    ),
    "epochs": ("epochs", "epoch", "nepochs", "numepochs", "repetitions", "passes"),
    "total_params": (
        "totalparams", "totalparameters", "nparamstotal", "ntotal", "ntotalparams", "totalparamcount", "nonembtotal",
    ),
    "active_params": (
        "activeparams", "activeparameters", "activatedparams", "activatedparameters", "nactive", "nactiveparams",
        "nparamsactive", "nact", "activeparamcount",
    ),
}  # fmt: skip
"""Names of what a form beside the three needs; read when it is asked for."""

OTHER_UNITS = {
    "ppl": "perplexity", "perplexity": "perplexity", "valppl": "perplexity", "evalppl": "perplexity",
    "bitspertoken": "bits", "bpt": "bits", "bits": "bits", "bitstoken": "bits",
    "bpb": "", "bitsperbyte": "", "bitsbyte": "", "natsperbyte": "", "natsbyte": "",
    "bpc": "", "bitsperchar": "", "bitspercharacter": "", "bitschar": "", "bitscharacter": "",
}  # fmt: skip
"""Names of a loss in another unit, and the loss unit it asks for (none for a unit a byte or character)."""

_LIKELIHOODS = frozenset(["loglikelihood", "logprob", "meanlogprob", "avglogprob", "ll", "loglik"])
"""Names of what a loss is the negative of."""

_BYTES = re.compile(r"(?:model|size|weights|checkpoint|params|disk)+(gb|mb|gib|mib)")
_PARAMS_A_BYTE = 0.5
"""Of weights in 16 bits."""

_A_PARAMETER = {"tpp": 1, "tokenmultiplier": 1, "tokenparamratio": 1, "tokenstoparams": 1, "tokentoparamratio": 1} | (
    dict.fromkeys(("chinchillamultiple", "chinchillamultiplier", "chinchillaratio", "xc"), 20)
)
"""Names of tokens a parameter, and how many of those one is: 20 are compute-optimal by Hoffmann et al. (2022)."""

_STEPS = frozenset(["steps", "nsteps", "numsteps", "trainsteps", "trainingsteps", "maxsteps", "iterations", "iters"])
_TOKENS_A_STEP = frozenset(["tokensperbatch", "tokensperstep", "batchtokens", "batchsizetokens", "batchsizeintokens"])
_SEQUENCES = frozenset(["batchsize", "globalbatchsize", "gbs", "bs"])
_LENGTHS = frozenset(
    ["seqlen", "sequencelength", "contextlength", "ctxlen", "blocksize", "nctx", "maxseqlen", "seqlength"]
)
"""Names whose products count tokens."""

LONGEST_RATIO = 80
"""Characters of a name that may be that of a ratio: the search below takes the square of them."""
_PER = re.compile(r"(.+?)[ _-]*(?:per|/)[ _-]*(\w+)", re.IGNORECASE)
_NO_FIGURE = re.compile(r"lower|upper|stderr|std$|^(log|ln)(?!its)[\d_ (]|[ _]per[ _]|/")
"""Ends of intervals, logarithms and ratios are not the figures they name."""

_LOGARITHM = re.compile(r"(log10|log2|ln)[ _-]*\(? *(.+?) *\)?", re.IGNORECASE)
_BASE_OF = {"log10": "10", "log2": "2", "ln": "e"}

_LEAST_PART = 3
"""Letters of a name in a folder at least: config.d is a width as well as a number of tokens."""

PLAIN_NAMES = {"loss_nats": "loss", **{name: name for name in SPELLINGS}}
"""Names taken as they stand, without a word."""


def key(name: str) -> str:
    """Return a header name as letters and digits only, lower case."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())


@dataclass(frozen=True)
class FoundColumns:
    """Where the figures of a table stand.

    Parameters
    ----------
    columns : dict of str to str
        Figure -> column, or column and factor (``Params (B)*1e9``), as `Table.numbers` reads it.
    notes : tuple of str
        Which names were taken for which figure.
    rivals : dict of str to tuple of str
        Figures that several columns could be.
    """

    columns: dict[str, str]
    notes: tuple[str, ...] = ()
    rivals: dict[str, tuple[str, ...]] = field(default_factory=dict)


def find_figures(header: Sequence[str], given: Mapping[str, str] | None = None) -> FoundColumns:
    """Find params, tokens, compute_flop and loss under the names toolkits give them.

    Parameters
    ----------
    header : sequence of str
    given : mapping of str to str, optional
        Figure -> column, where the user names it.
    """
    columns = dict(given or {})
    notes: list[str] = []
    rivals: dict[str, tuple[str, ...]] = {}
    for name in header:
        if name in PLAIN_NAMES:
            columns.setdefault(PLAIN_NAMES[name], name)
    taken = set(columns.values())
    for figure in SPELLINGS:
        if figure in columns:
            continue
        fits = {name: factor for name in header if name not in taken and (factor := _meant(name, figure))}
        fits = fits or {name: f for name in header if name not in taken and (f := _meant(_last_part(name), figure))}
        if len(fits) > 1:
            rivals[figure] = tuple(map(_written, fits, fits.values()))
        for name, factor in fits.items() if len(fits) == 1 else ():
            columns[figure] = _written(name, factor)
            times = "" if factor == 1.0 else f" x {factor:g}"
            notes.append(f"column '{name}' was read as {figure}{times}")
    return FoundColumns(columns, tuple(notes), rivals)


def find_further(header: Sequence[str], figure: str) -> str | None:
    """Return the column, with its factor, that holds a figure of `FURTHER`; None unless just one does."""
    found = [_written(name, factor) for name in header if (factor := _meant(name, figure))]
    return found[0] if len(found) == 1 else None


def _meant(name: str, figure: str) -> float | None:
    """Return the factor of a column that is a figure by its name, None for one that is not."""
    known = SPELLINGS.get(figure) or FURTHER[figure]
    if key(name) in known:
        return 1.0
    base, unit = split_unit(name)
    return scale_of(unit, DIMENSIONS.get(figure, "")) if unit and key(base) in known else None


def _last_part(name: str) -> str:
    """Return what follows a logger's folders: num_params of model/num_params, val_loss of summary.val_loss."""
    last = re.split(r"[/.](?=[A-Za-z_]\w*$)", name)[-1]
    return last if last != name and len(key(last)) > _LEAST_PART else ""


def _written(name: str, factor: float) -> str:
    return name if factor == 1.0 else f"{name}*{factor:g}".replace("e+0", "e").replace("e+", "e")


def suggestions(figure: str, header: Sequence[str]) -> list[Words]:
    """Return options that would name a figure, for the columns whose names come near it; at most three.

    Parameters
    ----------
    figure : str
        Of `SPELLINGS`.
    header : sequence of str
    """
    written: list[Words] = []
    scaled: set[str] = set()
    found: dict[str, str | Option] = {}
    for column, extra in _near(figure, header):
        found.setdefault(column, extra)
    for column, extra in found.items():
        if column in scaled:
            continue
        scaled.add(column.partition("*")[0])
        written.append(Words(Option("columns", column, figure), extra))
    return written[:3]


def _near(figure: str, header: Sequence[str]) -> Iterator[tuple[str, str | Option]]:
    """Yield the columns that come near a figure, the best first, each with what goes with it."""
    for name in header:
        if (factor := _meant(name, figure)) or (factor := _scaled_name(name, figure)):
            yield _written(name, factor), ""
    yield from _losses(header) if figure == "loss" else ()
    for name in header:
        if foreign_figure(split_unit(name)[0]) == figure:
            yield _written(name, scale_of(split_unit(name)[1], DIMENSIONS[figure]) or 1.0), ""
    word = figure.removesuffix("_flop").removesuffix("s") if figure != "loss" else figure
    yield from _expressions(figure, header)
    others = {known for other, names in SPELLINGS.items() if other != figure for known in names} | set(_A_PARAMETER)
    plain = {key(name): name for name in header if not (_NO_FIGURE.search(name.lower()) or key(name) in others)}
    for known, name in plain.items():
        likely = any(len(part) > 4 and part in known for part in SPELLINGS[figure])
        if word in known or likely or (len(known) > 3 and any(part.endswith(known) for part in SPELLINGS[figure])):
            yield _written(name, scale_of(split_unit(name)[1], DIMENSIONS[figure]) or 1.0), ""
    for near in difflib.get_close_matches(key(figure), list(plain), n=2, cutoff=0.6):
        yield plain[near], ""


def _losses(header: Sequence[str]) -> Iterator[tuple[str, str | Option]]:
    """Yield the columns that hold a loss in another unit, or what a loss is the negative of."""
    for name in header:
        base, stated = split_unit(name)
        known = key(stated) if key(base) in SPELLINGS["loss"] else key(name)
        if (unit := OTHER_UNITS.get(known)) is not None:
            yield name, Option("loss_unit", unit) if unit else ""
        elif key(name) in _LIKELIHOODS:
            yield f"{name}*-1", ""


def _expressions(figure: str, header: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what makes a figure of a ratio or of a logarithm: tokens_per_param*params, 10^log10_tokens."""
    columns = find_figures(header).columns
    if figure == "tokens":
        yield from _products(header)
    for name in header if figure == "params" else ():
        if found := _BYTES.fullmatch(key(name)):
            yield (
                f"{name}*{UNITS['byte'][found[1]] * _PARAMS_A_BYTE:g}".replace("e+0", "e"),
                " (at 2 bytes a parameter)",
            )
    for name in (name for name in header if len(name) <= LONGEST_RATIO):
        per = _PER.fullmatch(tidy(name))
        below = next((other for other, known in SPELLINGS.items() if per and key(per[2]) in known), "")
        if per and key(per[1]) in SPELLINGS[figure] and below in columns:
            yield f"{name}*{columns[below]}", ""
        if (found := _LOGARITHM.fullmatch(tidy(name))) and key(found[2]) in SPELLINGS[figure]:
            yield f"{_BASE_OF[found[1].lower()]}^{name}", ""


def _products(header: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the product of columns that counts tokens: steps*batch_size*seq_len, where all of them are there."""
    for names in ((_STEPS, _TOKENS_A_STEP), (_STEPS, _SEQUENCES, _LENGTHS)):
        found = [[name for name in header if key(name) in known] for known in names]
        if all(len(one) == 1 for one in found):
            yield "*".join(one[0] for one in found), ""
    params = find_figures(header).columns.get("params") or next((name for name, _ in _near("params", header)), "")
    for name in header if params else ():
        if (times := _A_PARAMETER.get(key(name))) is not None:
            yield f"{name}*{params}" + (f"*{times}" if times > 1 else ""), ""


def unit_a_byte(column: str) -> str:
    """Return the unit of a loss whose column says that it is one a byte or a character; empty for any other.

    Examples
    --------
    >>> unit_a_byte("bpb"), unit_a_byte("val_loss (bits/char)"), unit_a_byte("loss")
    ('bits/byte', 'bits/character', '')
    """
    name, unit = split_unit(column)
    known = key(unit) if OTHER_UNITS.get(key(unit)) == "" else key(name)
    if OTHER_UNITS.get(known) != "":
        return ""
    return ("nats/" if known.startswith("nats") else "bits/") + ("character" if "c" in known[-9:] else "byte")


def _scaled_name(name: str, figure: str) -> float | None:
    """Return the factor a name ends (or, for FLOP, begins) with: params_M, tokens_billions, gflops."""
    base, _, unit = tidy(name).replace(" ", "_").rpartition("_")
    if base and key(base) in SPELLINGS[figure] and unit:
        power = SUFFIXES.get(unit.lower(), SUFFIXES.get(unit.lower().removesuffix("s")))
        return float(f"1e{power}") if power else scale_of(unit, DIMENSIONS[figure])
    return UNITS["flop"].get(re.sub(r"_", "-", name.lower())) if figure == "compute_flop" else None
