"""Made-up annual reports, alike but for company, year and figures, and questions as analysts ask them.

Each has a cover, prose on risks, tables of financial statements, and notes. The words of the questions stand
all over a report; what is asked for stands in a statement that says it otherwise ("capital expenditure" is
"purchases of property, plant and equipment"). No page but the cover names the company.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.indexing.pdf_samples import Written, pdf_of

#: Names on covers, and in names of files.
COMPANIES: Mapping[str, str] = {
    "Northwind Industries, Inc.": "NORTHWIND",
    "Best Harbor Co., Inc.": "BESTHARBOR",
    "4K Materials Company": "4K",
    "Ridge & Vale Corporation": "RIDGE_VALE",
    "Blue Finch Beverages Company": "BLUEFINCH",
    "Orrin Aerospace Corporation": "ORRIN",
    "Calder Semiconductor, Inc.": "CALDER",
    "Pell Utilities Corporation": "PELL",
}
YEARS = (2016, 2018, 2019, 2021)
TOPICS = (
    "competition,supply of raw materials,interest rates,cyber security,climate,litigation,tax law,pensions,"
    "acquisitions,key employees,foreign currency,patents,product liability,trade policy,pandemics,"
    "credit ratings,customers,labor,energy prices,internal controls"
).split(",")
SENTENCES = (
    "The company's results may be affected by {}, and there can be no assurance that its measures suffice.",
    "Changes in {} could have a material adverse effect on net sales, cash flows and capital expenditures.",
    "In recent years {} has required new plans for inventories, receivables and long-term debt.",
    "The company reviews {} each quarter and discusses it with the audit committee of the directors.",
    "If {} develops otherwise than expected, goodwill and property, plant and equipment may be impaired.",
    "A significant part of revenue depends on {}, which varies between segments and between regions.",
    "Management believes that cash flows from operating activities will suffice in spite of {}.",
    "Total assets and shareholders' equity may fall because of {}, and dividends may be reduced.",
)
NOTES = (
    "Significant Accounting Policies,Revenue,Acquisitions and Divestitures,Goodwill and Intangible Assets,"
    "Supplemental Balance Sheet Information,Income Taxes,Marketable Securities,Long-Term Debt,Pension Plans,"
    "Derivatives,Fair Value,Commitments and Contingencies,Stock-Based Compensation"
).split(",")
#: Questions by the page that answers.
QUESTIONS: Sequence[tuple[str, str]] = (
    ("cash", "What was {c}'s capital expenditure in FY{y}, in USD millions? Use the cash flow statement."),
    ("cash", "How much did {c} pay out in dividends in FY{y}?"),
    ("cash", "What amount did {c} spend on capex in {y}?"),
    ("cash", "How much cash did {c} generate from operations in FY{s}?"),
    ("balance", "What is the year end FY{y} net PP&E of {c}?"),
    ("balance", "What were the total assets of {c} at the end of {y}?"),
    ("balance", "How high was {c}'s inventory at year-end FY{y}, as shown on the balance sheet?"),
    ("balance", "What did {c} owe its suppliers (accounts payable) in FY{y}?"),
    ("income", "What is the FY{y} COGS margin for {c}? Use the P&L statement."),
    ("income", "How much revenue did {c} report for FY{y}?"),
    ("income", "What was {c}'s diluted EPS in {y}?"),
    ("income", "What did {c} spend on R&D in fiscal {y}?"),
    ("income", "What was the operating profit of {c} in FY{s}?"),
    ("segments", "Which segment of {c} had the highest sales in FY{y}?"),
    ("supplement", "What share of {c}'s inventory was raw materials in FY{y}?"),
    ("legal", "Is {c} involved in material lawsuits according to its {y} annual report?"),
    ("auditor", "Did the auditors of {c} give their opinion on the {y} accounts?"),
    ("Long-Term Debt", "What borrowings with late maturities does {c} describe in the notes for FY{y}?"),
    ("Pension Plans", "What does {c} say about retirement benefits in {y}?"),
)
CONTENTS = (
    "Item 1. Business. Item 1A. Risk Factors. Item 2. Properties. Item 3. Legal Proceedings. Item 6. "
    "Selected Financial Data. Item 7. Management's Discussion and Analysis. Item 8. Consolidated "
    "Statement of Income, Consolidated Balance Sheet, Consolidated Statement of Cash Flows."
)
_OF_EACH = 6
Page = list[Written]


def write_reports(folder: Path) -> Iterator[tuple[str, str, tuple[int, ...], str]]:
    """Write the files, and give questions: text, file, pages that answer, and what kind of page it is."""
    draw = random.Random(5)
    for name, short in COMPANIES.items():
        for year in YEARS:
            pages, where = report(name, short, year)
            file = folder / f"{short}_{year}_10K.pdf"
            if not file.exists():
                file.write_bytes(pdf_of(pages))
            for key, question in draw.sample(list(QUESTIONS), _OF_EACH):
                text = question.format(c=_spoken(name), y=year, s=f"{year % 100:02d}")
                yield text, file.name, (where[key],), key


def report(name: str, short: str, year: int) -> tuple[list[Page], dict[str, int]]:
    """The pages of a report, and the numbers of those that are asked for."""
    draw = random.Random(f"{short}{year}")
    years = [year, year - 1, year - 2]
    base = random.Random(short).uniform(2_000, 40_000)

    def line(label: str, share: float, last: int = 3, decimals: int = 0) -> list[str]:
        values = [base * share * 1.05 ** (each - 2015) * _wobble(short, share, each) for each in years]
        return [label, *(_number(value, decimals) for value in values[:last])]

    def prose(heading: str, *topics: str, sentences: int = 5, before: str = "") -> Page:
        texts = [" ".join(draw.choice(SENTENCES).format(topic) for _ in range(sentences)) for topic in topics]
        return _prose(heading, [before, *texts] if before else texts)

    def some(number: int) -> list[str]:
        return draw.sample(TOPICS, number)

    pages: list[Page] = [_cover(name, year, base), _contents()]
    where: dict[str, int] = {}

    def add(page: Page, key: str = "") -> None:
        pages.append(page)
        if key:
            where[key] = len(pages)

    add(prose("Item 1. Business", *some(5)))
    for _ in range(2):
        add(prose("", *some(5)))
    add(prose("Item 1A. Risk Factors", *some(5)))
    for _ in range(8):
        add(prose("", *some(5)))
    add(prose("Item 2. Properties", "energy prices", before="Most of the company's plants are owned."))
    add(prose("Item 3. Legal Proceedings", "litigation", sentences=7), "legal")
    add(prose("Item 5. Market for Common Equity", "credit ratings", before="Repurchases are authorized."))
    selected = [("Net sales", 1), ("Net income", 0.08), ("Total assets", 1.1), ("Capital expenditures", 0.05)]
    add(_table("Item 6. Selected Financial Data", years, [line(*each) for each in selected]))
    add(prose("Item 7. Management's Discussion and Analysis", *some(4)))
    for _ in range(5):
        add(prose("", *some(4), before="Capital expenditures are expected to rise; cost of sales fell."))
    liquidity = "Capital spending was as planned; more capital expenditures for capacity are expected."
    add(prose("Financial Condition and Liquidity", "capital spending", "cash flows", before=liquidity))
    add(prose("Item 7A. Market Risk", "foreign currency", sentences=6))
    audited = "We have audited the consolidated balance sheet and the statements of income and cash flows."
    add(prose("Report of Independent Registered Public Accounting Firm", "internal controls", before=audited))
    where["auditor"] = len(pages)
    income = [
        line("Net sales", 1),
        line("Cost of sales", 0.62),
        line("Selling, general and administrative expenses", 0.2),
        line("Research, development and related expenses", 0.05),
        line("Operating income", 0.13),
        line("Provision for taxes", 0.02),
        line("Net income", 0.08),
        line("Earnings per share - diluted", 0.0001, decimals=2),
    ]
    add(_table("Consolidated Statement of Income", years, income), "income")
    balance = [
        line("Cash and cash equivalents", 0.09, 2),
        line("Accounts receivable - net", 0.13, 2),
        line("Total inventories", 0.11, 2),
        line("Property, plant and equipment - net", 0.3, 2),
        line("Goodwill", 0.22, 2),
        line("Total assets", 1.1, 2),
        line("Accounts payable", 0.08, 2),
        line("Long-term debt", 0.31, 2),
        line("Total liabilities", 0.6, 2),
        line("Total equity", 0.5, 2),
    ]
    add(_table("Consolidated Balance Sheet", years[:2], balance), "balance")
    cash = [
        line("Net income", 0.08),
        line("Depreciation and amortization", 0.045),
        line("Accounts receivable", -0.003),
        line("Inventories", -0.004),
        line("Net cash provided by operating activities", 0.12),
        line("Purchases of property, plant and equipment", -0.05),
        line("Acquisitions, net of cash acquired", -0.015),
        line("Net cash used in investing activities", -0.065),
        line("Dividends paid to shareholders", -0.03),
        line("Purchases of treasury stock", -0.02),
        line("Net cash used in financing activities", -0.045),
    ]
    add(_table("Consolidated Statement of Cash Flows", years, cash), "cash")
    supplement = [
        line("Land", 0.015, 2),
        line("Buildings", 0.18, 2),
        line("Less accumulated depreciation", -0.22, 2),
        line("Finished goods", 0.055, 2),
        line("Work in process", 0.033, 2),
        line("Raw materials", 0.022, 2),
    ]
    for number, title in enumerate(NOTES, 1):
        heading = f"NOTE {number}. {title}"
        if title.startswith("Supplemental"):
            add(_table(heading, years[:2], supplement), "supplement")
        else:
            add(prose(heading, *[title.casefold()] * 3), title)
    segments = [
        line(f"{segment} {what}", share * part)
        for what, share in (("net sales", 1), ("depreciation", 0.045), ("capital expenditures", 0.05))
        for segment, part in (("Industrial", 0.5), ("Consumer", 0.3), ("Health", 0.2))
    ]
    add(_table("NOTE 14. Business Segments", years, segments), "segments")
    return pages, where


def _cover(name: str, year: int, base: float) -> Page:
    return [
        Written(200, 740, "UNITED STATES", 11, True),
        Written(150, 725, "SECURITIES AND EXCHANGE COMMISSION", 11, True),
        Written(230, 690, "FORM 10-K", 14, True),
        Written(60, 640, f"For the fiscal year ended December 31, {year}", 9),
        Written(180, 600, name.upper(), 14, True),
        Written(60, 560, f"Market value of shares at June 30, {year}: ${base * 2:,.0f} million.", 9),
        Written(60, 545, f"Shares outstanding at January 31, {year + 1}: {base / 20:,.0f} million.", 9),
    ]


def _contents() -> Page:
    return _prose(
        "TABLE OF CONTENTS",
        [CONTENTS],
    )


def _prose(heading: str, paragraphs: Sequence[str]) -> Page:
    page: Page = []
    y = 730
    if heading:
        page.append(Written(60, y, heading, 13, True))
        y -= 26
    for paragraph in paragraphs:
        for line in _lines(paragraph):
            page.append(Written(60, y, line, 9))
            y -= 11
        y -= 8
    return page


def _table(heading: str, years: Sequence[int], rows: Sequence[Sequence[str]]) -> Page:
    page = [Written(60, 730, heading, 12, True), Written(60, 714, "(Millions)", 8)]
    page += [Written(380 + 70 * at, 696, str(year), 9, True) for at, year in enumerate(years)]
    for number, (label, *values) in enumerate(rows):
        y = 682 - 13 * number
        page.append(Written(60, y, label, 9))
        page += [Written(380 + 70 * at, y, value, 9) for at, value in enumerate(values)]
    return page


def _lines(text: str, width: int = 92) -> Iterator[str]:
    line = ""
    for word in text.split():
        if len(line) + len(word) >= width:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line


def _wobble(short: str, share: float, year: int) -> float:
    return random.Random(f"{short}{share}{year}").uniform(0.9, 1.1)


def _number(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}" if value >= 0 else f"({-value:,.{decimals}f})"


def _spoken(name: str) -> str:
    """A company's name as people say it."""
    for legal in (", Inc.", " Co.", " Corporation", " Company"):
        name = name.replace(legal, "")
    return name
