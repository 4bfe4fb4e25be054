"""`render_report`: the HTML page of a session's report, or of a backtest.

Frames in, text out: nothing is read or computed here. The sections of `sections/order.py` make
their content, each for its readers; the page holds all of them and shows those of the reader it is
switched to. It holds its styles and its data, and Plotly's script either itself or in a file beside
it that all pages share. It asks the network for nothing (its content security policy forbids it),
and the same data give the same bytes. What it looks like is in `templates/`.
"""

from functools import lru_cache
from html import escape

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from quant_platform.errors import UnknownNameError
from quant_platform.reports.charts import SessionChart, charts_json
from quant_platform.reports.data import PERFORMANCE, ReportData
from quant_platform.reports.formats import day, known, name_of, number, percent, whole
from quant_platform.reports.histories import THINNED
from quant_platform.reports.palette import looks, model_colours
from quant_platform.reports.sections.order import SECTIONS
from quant_platform.reports.sections.section import READERS, RESEARCHER, Content, Section
from quant_platform.reports.sections.summary import span
from quant_platform.reports.sections.words import tone_of
from quant_platform.reports.standings import money


def render_report(data: ReportData, library: str = "", reader: str = RESEARCHER) -> str:
    """Render the page.

    Parameters
    ----------
    library : name of the file beside the page that holds Plotly's script (`library_name`); empty:
        the page holds it itself
    reader : who it is switched to at first: manager, researcher or risk

    Raises
    ------
    UnknownNameError
        There is no such reader.
    """
    if reader not in READERS:
        raise UnknownNameError(
            f"There is no reader {reader!r} of reports", f"They are: {', '.join(READERS)}"
        )
    templates = environment()
    built = [(each, content) for each in SECTIONS if (content := _content(each, data)) is not None]
    charts = [chart for _, content in built for chart in content.drawn]
    colours = model_colours(data.models)
    page = templates.get_template("report.html.j2").render(
        title=data.title or _long_day(data),
        eyebrow="Performance report" if data.kind == PERFORMANCE else "Backtest",
        warning=data.warning,
        lede=data.summary,
        span=span(data),
        is_long=data.histories.is_long,
        thinned=THINNED,
        readers=READERS,
        reader=reader,
        colours=colours,
        legend=_legend(data),
        sections=[
            {
                "key": section.key,
                "title": section.title,
                "readers": " ".join(section.shown_to(content)),
                "content": content,
                "has_legend": any(isinstance(each, SessionChart) for each in content.drawn),
                "own": _own(templates, content),
            }
            for section, content in built
        ],
        has_charts=bool(charts),
        charts=charts_json(charts),
        library=library,
        plotly=Markup("" if library or not charts else plotly_script()),  # noqa: S704 - Plotly's own script, not input
    )
    return str(page)


def plotly_script() -> str:
    """Plotly's script as text."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@lru_cache(maxsize=1)
def library_name() -> str:
    """Name of the file with Plotly's script; another version has another name."""
    from plotly.offline import get_plotlyjs_version

    return f"plotly-{get_plotlyjs_version()}.min.js"


def breakable(name: object) -> Markup:
    """A name that may be broken after each underscore."""
    return Markup(str(Markup.escape(str(name))).replace("_", "_<wbr>"))  # noqa: S704 - escaped here


def sealed_page(session: str, reason: str) -> str:
    """Return the page of a session that belongs to the hold-out: why it shows nothing."""
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>{escape(session)}</title></head><body><h1>{escape(session)}</h1>"
        f"<p>{escape(reason)}</p></body></html>"
    )


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, with the formats they use."""
    made = Environment(
        loader=PackageLoader("quant_platform.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        percent=percent,
        number=number,
        whole=whole,
        day=day,
        breakable=breakable,
        name=name_of,
        tone=tone_of,
        money=lambda value: money(value if known(value) else None),
    )
    return made


def _content(section: Section, data: ReportData) -> Content | None:
    """What a section shows on this page; None: it is left out."""
    if data.kind not in section.pages:
        return None
    content = section.build(data)
    return content if content is not None and section.shown_to(content) else None


def _own(templates: Environment, content: Content) -> Markup:
    """The part that a section's own template makes."""
    if not content.template:
        return Markup()
    template = templates.get_template(f"sections/{content.template}.html.j2")
    return Markup(template.render(**content.values))  # noqa: S704 - the template escapes


def _legend(data: ReportData) -> list[dict[str, str]]:
    """The models' lines, in the order of the page."""
    drawn = looks(data.models)
    return [{"name": str(data.names[each]), **drawn[each]._asdict()} for each in data.ordered]


def _long_day(data: ReportData) -> str:
    return f"{data.date:%A}, {data.date.day} {data.date:%B %Y}"
