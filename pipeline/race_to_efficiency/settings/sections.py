"""params.yaml as a whole: its sections, in the order they stand there."""

from __future__ import annotations

from typing import Annotated

from race_to_efficiency.settings.backtest import BacktestParams
from race_to_efficiency.settings.compare import CompareParams
from race_to_efficiency.settings.cost import CostParams
from race_to_efficiency.settings.forecast import ForecastParams
from race_to_efficiency.settings.gamma import GammaParams
from race_to_efficiency.settings.ingest import IngestParams
from race_to_efficiency.settings.kappa import KappaParams
from race_to_efficiency.settings.own_tables import OwnTablesParams
from race_to_efficiency.settings.report import ReportParams
from race_to_efficiency.settings.section import Count, QuarterName, SettingsSection, setting
from race_to_efficiency.settings.statements import StatementParams


class Params(SettingsSection):
    """params.yaml as a whole."""

    quarter: Annotated[QuarterName, setting("the quarter whose last day is the only 'now'")]
    seed: Annotated[Count, setting("root of every random stream", ge=0, lt=2**63)]
    ingest: IngestParams
    fit_kappa: KappaParams
    fit_gamma: GammaParams
    forecast: ForecastParams
    statements: StatementParams
    backtest: BacktestParams
    compare: CompareParams
    cost: CostParams
    report: ReportParams
    own_tables: OwnTablesParams
