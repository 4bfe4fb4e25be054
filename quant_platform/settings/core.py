"""`Settings`: everything a user can configure about the platform itself, typed and immutable.

A vendor's settings do not belong here: the vendor reads them from `Settings.environment`. To add a
setting, add a field and run `make settings`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from quant_platform.conventions import DEFAULT_BENCHMARK
from quant_platform.settings.environment import HOME_NAME, Environment, project_root, user_home
from quant_platform.settings.model import SettingsModel, Variable
from quant_platform.settings.values import (
    Checks,
    DatabaseUrl,
    Day,
    Days,
    Form,
    Hosts,
    LowerCase,
    Names,
    Number,
    QuietHours,
    SecretText,
    Tolerances,
    a_day_or_a_count,
    matching,
)

PREFIX = "QUANT_PLATFORM_"

DATABASES = "Databases"
PLATFORM = "The platform"
MARKET = "A whole market"
QUALITY = "Quality"
SIMULATION = "Simulation"
AUTOMATION = "Automation"
ALERTS = "Alerts"

Universe = Annotated[str, matching("[ -~]+"), Form("a list of symbols or a rule, on one line")]

Schema = Annotated[
    str,
    matching("(?!pg_)[a-z_][a-z0-9_]{0,62}"),
    Form("a name of small letters, digits and _, which does not begin with pg_"),
]

Holdout = Annotated[
    str,
    AfterValidator(a_day_or_a_count),
    Form("a day written as YYYY-MM-DD, or a number of sessions from 1 to 9999"),
]

Benchmark = Annotated[
    str, matching(r"[a-z][a-z0-9_]*|symbol:\S+"), Form("the name of a model, or symbol:TICKER")
]


class Settings(SettingsModel):
    """All settings of the platform."""

    database_url: Annotated[
        DatabaseUrl | None,
        Variable(
            DATABASES,
            "DATABASE_URL",
            example="postgresql://user:password@127.0.0.1:5432/quant_platform",
        ),
    ] = Field(
        default=None,
        description="PostgreSQL 13 to 18; without it the platform runs its own embedded server"
        " under QUANT_PLATFORM_HOME. Characters with a meaning in URLs (@ : / ? # %) must be"
        " percent-encoded in the password.",
    )
    dagster_database_url: Annotated[
        DatabaseUrl | None,
        Variable(
            DATABASES,
            "DAGSTER_DATABASE_URL",
            example="postgresql://user:password@127.0.0.1:5432/quant_platform_dagster",
        ),
    ] = Field(
        default=None,
        description="Dagster's own database; without it `<name>_dagster` beside the one above,"
        " created at the first start.",
    )
    schema_name: Annotated[Schema | None, Variable(DATABASES, PREFIX + "SCHEMA")] = Field(
        default=None,
        description="Schema of the platform's tables, made at the first start. Empty: the first one"
        " of the search path that exists, which a role, a database or the URL may set. Tables of"
        " the same name in other schemas are never read or dropped.",
    )
    home: Annotated[Path, Variable(PLATFORM, PREFIX + "HOME")] = Field(
        default=Path(HOME_NAME),
        description="Folder of the embedded database, Dagster's home and the reports; relative to"
        " the project: the nearest folder up with `.env`, `.quant-platform` or `workspace.yaml`."
        " Empty outside of a project: `quant-platform` among the user's own data"
        " (`~/.local/share` on Linux).",
    )
    extensions: Annotated[Path | None, Variable(PLATFORM, PREFIX + "EXTENSIONS")] = Field(
        default=None,
        description="Folder of Python files with strategies, features, metrics, checks, vendors and"
        " alert rules of your own; relative to the folder of `.env`. Their code is run.",
    )
    own_data: Annotated[Path | None, Variable(PLATFORM, PREFIX + "OWN_DATA")] = Field(
        default=None,
        description="Folder of data of your own, a file a dataset (NAME.csv, NAME.parquet or"
        " NAME.sql), for features to read; relative to the folder of `.env`. Empty: `own` in"
        " QUANT_PLATFORM_HOME.",
    )
    vendor: Annotated[str | None, Variable(PLATFORM, PREFIX + "VENDOR")] = Field(
        default=None,
        description="Where market data comes from: the name of a vendor. Empty: the vendor whose"
        " key is configured, or else the sample in the package.",
    )
    feature_sets: Annotated[Names, Variable(PLATFORM, PREFIX + "FEATURE_SETS")] = Field(
        default=("technical",),
        description="Feature sets whose values are computed and stored each day, such as"
        " technical, alpha158; docs/features.md lists all. A set that a strategy reads is stored"
        " in any case.",
    )
    models: Annotated[str, Variable(PLATFORM, PREFIX + "MODELS")] = Field(
        default="default",
        description="Models that run each day, with semicolons between them: a strategy, or"
        " name=strategy(parameter=value), such as `default; tight=enhanced_momentum(stop_atr=1,"
        " max_holding=20)`. `default` stands for those that run without this setting;"
        " `quant-platform list strategies` shows which there are.",
    )
    books: Annotated[str, Variable(PLATFORM, PREFIX + "BOOKS")] = Field(
        default="",
        description="Portfolios of several models, with semicolons between them, each with a rule"
        " that divides its capital: `core = equal(buy_and_hold, mean_reversion); risk ="
        " inverse_volatility(enhanced_momentum, mean_reversion); mix = fixed(buy_and_hold=0.6,"
        " mean_reversion=0.4)`. Empty: none.",
    )
    start: Annotated[Day | None, Variable(PLATFORM, PREFIX + "START")] = Field(
        default=None,
        description="First session of the market; empty: the vendor's own first session.",
    )
    universe: Annotated[
        Universe | None, Variable(PLATFORM, PREFIX + "UNIVERSE", also="UNIVERSE")
    ] = Field(
        default=None,
        description="Who is tradable: a list of symbols (AAPL,MSFT), all, or a rule: the 500 with"
        " the most trading, of these, from a price of 5 and 60 sessions of history on, are"
        " `top:500 types:CS,ADRC price:5 history:60`. Empty: the vendor's own rule.",
    )
    ui_hosts: Annotated[Hosts, Variable(PLATFORM, PREFIX + "UI_HOSTS")] = Field(
        default=(),
        description="Further names under which the UI may be asked, such as quant.example.org of a"
        " proxy in front of it. Requests for other names, and from pages of other origins, are"
        " refused.",
    )
    closures: Annotated[Days, Variable(PLATFORM, PREFIX + "CLOSURES")] = Field(
        default=(),
        description="Days on which the exchange was or will be closed, beyond the calendar's own"
        " list. All processes must be restarted after a change.",
    )
    correction_sessions: Annotated[int, Variable(MARKET, PREFIX + "CORRECTION_SESSIONS")] = Field(
        default=3,
        ge=0,
        le=250,
        description="Each day the last sessions are fetched again, for the vendor's corrections:"
        " this many, 0 for none.",
    )
    reference: Annotated[
        Literal["monthly", "weekly", "daily"], LowerCase, Variable(MARKET, PREFIX + "REFERENCE")
    ] = Field(default="monthly", description="How often the vendor's list of all tickers is read.")
    identity_dollars: Annotated[Number, Variable(MARKET, PREFIX + "IDENTITY_DOLLARS")] = Field(
        default=1_000_000.0,
        ge=0.0,
        description="Trading in one session, in currency, from which on an unknown ticker is looked"
        " up without waiting for that list, and prices are checked.",
    )
    checks: Annotated[Checks, Variable(QUALITY, PREFIX + "CHECKS")] = Field(
        default="",
        description="Severity and threshold of asset checks that are to differ from their"
        " defaults, such as `stale_prices=warn:20, completeness=error:0.9`.",
    )
    source_tolerances: Annotated[Tolerances, Variable(QUALITY, PREFIX + "SOURCE_TOLERANCES")] = (
        Field(
            default="open:0.01 high:0.01 low:0.01 volume:0.5",
            description="Share by which open, high, low and volume of a bar may differ between two"
            " sources; that of the close is the threshold of the check `cross_source`.",
        )
    )
    doubtful_dividend: Annotated[Number, Variable(QUALITY, PREFIX + "DOUBTFUL_DIVIDEND")] = Field(
        default=0.03,
        ge=0.001,
        le=1.0,
        description="Share of the price from which on a dividend is set aside where the price did"
        " not fall with it, until a person decides about it.",
    )
    late_hours: Annotated[Number, Variable(QUALITY, PREFIX + "LATE_HOURS")] = Field(
        default=24.0,
        ge=0.0,
        le=1000.0,
        description="Hours after its close from which a session that is not there is late; an"
        " early close that the vendor has announced counts.",
    )
    cache_gigabytes: Annotated[Number, Variable(PLATFORM, PREFIX + "CACHE_GIGABYTES")] = Field(
        default=4.0,
        ge=0.0,
        le=10_000.0,
        description="Disk space that the folder `cache` of QUANT_PLATFORM_HOME may take: columns"
        " that notebooks have read, which are not asked of the database again while they are"
        " current. It may be deleted at any time; 0: none is kept.",
    )
    sql_seconds: Annotated[Number, Variable(PLATFORM, PREFIX + "SQL_SECONDS")] = Field(
        default=300.0,
        ge=0.1,
        le=86_400.0,
        description="Seconds that a statement of `quant-platform sql`, or of a store's `sql`, may"
        " take.",
    )
    step_seconds: Annotated[Number, Variable(PLATFORM, PREFIX + "STEP_SECONDS")] = Field(
        default=600.0,
        ge=0.0,
        le=86_400.0,
        description="Seconds that a strategy, feature, metric, alert rule or check of your own may"
        " take each time it is called, before it fails alone, in runs on Linux and in a notebook's"
        " backtests and sweeps anywhere; 0: no limit.",
    )
    holdout: Annotated[Holdout, Variable(SIMULATION, PREFIX + "HOLDOUT")] = Field(
        default="",
        description="Sessions that no research may see: the first of them, such as 2023-01-03, or a"
        " number of last sessions, counted once. The database keeps it, and it is never moved to a"
        " later session; `quant-platform unseal STUDY` opens it for one study. Empty: what the"
        " database keeps, if anything.",
    )
    capital: Annotated[Number, Variable(SIMULATION, PREFIX + "CAPITAL")] = Field(
        default=1_000_000.0,
        ge=1.0,
        description="Capital of each model at its first session, in currency.",
    )
    benchmark: Annotated[Benchmark, Variable(SIMULATION, PREFIX + "BENCHMARK")] = Field(
        default=DEFAULT_BENCHMARK,
        description="What models are judged against that state no benchmark of their own: the name"
        " of a model, or symbol:SPY for a security's total return.",
    )
    costs: Annotated[str, Variable(SIMULATION, PREFIX + "COSTS")] = Field(
        default="realistic",
        description="What is assumed of trading: ideal, realistic, pessimistic, like_zipline,"
        " like_bt or like_vectorbt, and changes to it, such as `realistic impact=1"
        " volume_share=0.05`. `docs/conventions.md` has every name.",
    )
    limits: Annotated[str, Variable(SIMULATION, PREFIX + "LIMITS")] = Field(
        default="",
        description="Limits of each model's portfolio and what becomes of more (warn, scale, halt),"
        " such as `name=0.1:scale drawdown=0.2:halt`. Empty: none.",
    )
    conditions: Annotated[str, Variable(SIMULATION, PREFIX + "CONDITIONS")] = Field(
        default="",
        description="Fields of data of your own that say what selling a security short is like, and"
        " its beta, such as `borrow=own:shorts.fee available=own:shorts.available"
        " recalled=own:shorts.recalled@1 beta=own:betas.value`, each from the session after the one"
        " in which it is known. Empty: the fee of QUANT_PLATFORM_COSTS, and no beta.",
    )
    commission_bp: Annotated[Number | None, Variable(SIMULATION, PREFIX + "COMMISSION_BP")] = Field(
        default=None,
        ge=0.0,
        le=1000.0,
        description="Commission, in basis points of the traded value (1 bp = 0.01 %); empty: that"
        " of QUANT_PLATFORM_COSTS.",
    )
    slippage_bp: Annotated[Number | None, Variable(SIMULATION, PREFIX + "SLIPPAGE_BP")] = Field(
        default=None,
        ge=0.0,
        le=1000.0,
        description="Half the spread, in basis points of the price; empty: that of"
        " QUANT_PLATFORM_COSTS.",
    )
    delisting_sessions: Annotated[int, Variable(SIMULATION, PREFIX + "DELISTING_SESSIONS")] = Field(
        default=20,
        ge=1,
        le=252,
        description="Sessions without a bar after which a position is closed, its end assumed.",
    )
    delisting_return: Annotated[Number, Variable(SIMULATION, PREFIX + "DELISTING_RETURN")] = Field(
        default=0.0,
        ge=-1.0,
        le=1.0,
        description="Return from the last price to what is paid when a security stops trading.",
    )
    distressed_return: Annotated[Number, Variable(SIMULATION, PREFIX + "DISTRESSED_RETURN")] = (
        Field(
            default=-0.3,
            ge=-1.0,
            le=1.0,
            description="The same return where there is evidence of distress.",
        )
    )
    distress_price: Annotated[Number, Variable(SIMULATION, PREFIX + "DISTRESS_PRICE")] = Field(
        default=1.0,
        ge=0.0,
        le=1_000_000.0,
        description="A last price below this is evidence of distress, in currency.",
    )
    distress_fall: Annotated[Number, Variable(SIMULATION, PREFIX + "DISTRESS_FALL")] = Field(
        default=0.8,
        gt=0.0,
        le=1.0,
        description="A fall by more than this fraction from the highest close of a year is, too.",
    )
    risk_free: Annotated[Number, Variable(SIMULATION, PREFIX + "RISK_FREE")] = Field(
        default=0.0,
        ge=-0.5,
        le=1.0,
        description="Annual risk-free rate as a fraction (0.02 = 2 %).",
    )
    sensor_status: Annotated[
        Literal["running", "stopped"], LowerCase, Variable(AUTOMATION, PREFIX + "SENSORS")
    ] = Field(default="running", description="Whether the sensors start switched on.")
    sensor_seconds: Annotated[int, Variable(AUTOMATION, PREFIX + "SENSOR_SECONDS")] = Field(
        default=300, ge=5, le=86_400, description="Seconds between two looks for new sessions."
    )
    sensor_max_sessions: Annotated[int, Variable(AUTOMATION, PREFIX + "SENSOR_MAX_SESSIONS")] = (
        Field(
            default=1000,
            ge=1,
            le=10_000,
            description="At most this many missing sessions are requested in one run.",
        )
    )
    retry_minutes: Annotated[Number, Variable(AUTOMATION, PREFIX + "RETRY_MINUTES")] = Field(
        default=5.0,
        ge=0.0,
        le=1440.0,
        description="Minutes after a failed run of the sensor before it tries again; doubled with"
        " each further one, five runs in all.",
    )
    alert_urls: Annotated[SecretText | None, Variable(ALERTS, PREFIX + "ALERT_URLS")] = Field(
        default=None,
        description="Channels that alerts are sent to: apprise URLs, one a line, or the name of a"
        " file that holds them, relative to the folder of `.env`. Options may stand before a URL:"
        " `name=desk severity=critical quiet=22:00-07:00@Europe/Berlin mailtos://…`. Empty: none.",
    )
    alert_severity: Annotated[
        Literal["info", "warning", "critical"],
        LowerCase,
        Variable(ALERTS, PREFIX + "ALERT_SEVERITY"),
    ] = Field(
        default="warning",
        description="The lowest severity that a channel is sent which states none of its own.",
    )
    alert_quiet: Annotated[QuietHours, Variable(ALERTS, PREFIX + "ALERT_QUIET")] = Field(
        default="",
        description="Hours of the day in which channels are sent only what is critical; the rest"
        " waits for their end. A channel may state its own, or `never`.",
    )
    alert_rules: Annotated[Checks, Variable(ALERTS, PREFIX + "ALERT_RULES")] = Field(
        default="",
        description="Severity and threshold of alert rules that are to differ from their defaults,"
        " such as `drawdown_limit=critical:-0.3, model_silent=info:42, ranking_change=off`.",
    )
    monitor: Annotated[
        Literal["alert", "halt"], LowerCase, Variable(ALERTS, PREFIX + "MONITOR")
    ] = Field(
        default="alert",
        description="What becomes of a promoted model whose returns broke what its backtest"
        " promised: an alert, or an alert and its account halted from the next session on.",
    )
    environment: Environment = Field(
        default=Environment(), description="Texts for the vendor's settings."
    )

    @classmethod
    def load(
        cls, environment: Mapping[str, str] | None = None, start: Path | None = None
    ) -> "Settings":
        """Read the settings of the project that folder `start` lies in.

        Parameters
        ----------
        environment : variables in place of those of the process
        start : a folder that is a project even where no folder above has a mark of one; default:
            the current folder, and where that lies in no project the user's own data

        Raises
        ------
        SettingsError
            A value cannot be read; the message names the variable, never a secret value.
        """
        project = project_root(start or Path.cwd())
        root = project or start or Path.cwd()
        variables = Environment.load(root / ".env", environment)
        settings = cls.read(variables)
        home = root / settings.home.expanduser()
        if project is None and start is None and not variables.has(PREFIX + "HOME"):
            home = user_home()
        folders = {"home": home}
        for name in ("extensions", "own_data"):
            if (folder := getattr(settings, name)) is not None:
                folders[name] = root / folder.expanduser()
        return settings.model_copy(update={**folders, "environment": variables})
