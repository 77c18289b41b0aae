"""The double is no more lenient than Snowflake: what passes there would pass at the real service. Each case asks the double
itself, without thaw; what Snowflake would answer is from its documentation (strict_sql.py and time_travel.py name the pages)."""

import time

import pytest
import snowflake.connector

from sources import DoubleSession

NAMES = iter(range(1, 1000))


@pytest.fixture
def session(double) -> DoubleSession:
    session = DoubleSession(double, f"DOUBLE_{next(NAMES)}", "PUBLIC")
    session.execute("CREATE TABLE T (ID NUMBER(38,0), \"low\" VARCHAR)")
    session.execute("INSERT INTO T VALUES (1, 'a'), (2, NULL), (3, 'c')")
    return session


def value(session, expression: str):
    [row] = session.execute(f"SELECT {expression} AS X")
    return row["X"]


def refused(session, sql: str) -> str:
    with pytest.raises(AssertionError) as caught:
        session.execute(sql)
    return str(caught.value)


# Names


@pytest.mark.parametrize("query", ["SELECT ID FROM T", "SELECT id FROM t", "SELECT t.Id FROM \"T\" AS t", "SELECT \"ID\" FROM public.t",
                                   "SELECT \"low\" FROM T", "SELECT X FROM (SELECT \"low\" AS x FROM T)",
                                   "WITH w AS (SELECT id AS y FROM t) SELECT Y FROM W"])
def test_names_that_snowflake_finds(session, query):
    assert len(session.execute(query)) == 3


@pytest.mark.parametrize("query", ["SELECT 1 AS A FROM \"t\"", "SELECT 1 AS A FROM \"Public\".T", "INSERT INTO \"t\" VALUES (4, 'd')"])
def test_a_quoted_name_in_another_case_is_no_such_object(session, query):
    assert "002003 (42S02)" in refused(session, query)
    assert len(session.execute("SELECT ID FROM T")) == 3


@pytest.mark.parametrize("query", ["SELECT \"id\" FROM T", "SELECT low FROM T", "SELECT LOW FROM T", "SELECT \"Low\" FROM T",
                                   "SELECT ID FROM T WHERE \"id\" = 1", "SELECT x.\"Id\" FROM T AS x"])
def test_a_column_in_another_case_is_an_invalid_identifier(session, query):
    message = refused(session, query)
    assert "000904 (42000)" in message and "invalid identifier" in message


# Warehouses


@pytest.mark.parametrize("fault, words", [("no_warehouse", "No active warehouse selected"), ("unpaid", "lack of payment method")])
def test_nothing_is_computed_without_a_warehouse(session, double, fault, words):
    double.control({fault: 1})
    other = DoubleSession(double, f"DOUBLE_{next(NAMES)}", "PUBLIC")
    assert words in refused(other, "SELECT \"a\" FROM (VALUES (1)) AS t(\"a\")")
    assert value(other, "CURRENT_VERSION()"), "what needs no warehouse is answered"
    double.control({fault: 0})
    assert len(session.execute("SELECT ID FROM T")) == 3


# Hashes


def test_hashes_are_signed(session):
    hashes = [row["H"] for row in session.execute("SELECT HASH(column1, 'x') AS H FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8), "
                                                  "(9), (10), (11), (12), (13), (14), (15), (16), (17), (18), (19), (20), (NULL))")]
    assert all(isinstance(number, int) and -2**63 <= number < 2**63 for number in hashes)
    assert any(number < 0 for number in hashes) and any(number > 0 for number in hashes)
    assert len(set(hashes)) == 21


def test_remainders_of_hashes_keep_their_sign(session):
    remainders = {row["R"] for row in session.execute("SELECT MOD(HASH(seq.range), 8) AS R FROM range(1000) AS seq")}
    assert remainders == set(range(-7, 8))
    assert {row["R"] for row in session.execute("SELECT ABS(MOD(HASH(seq.range), 8)) AS R FROM range(1000) AS seq")} == set(range(8))


def test_the_hash_of_null_is_not_null(session):
    assert value(session, "HASH(NULL)") is not None
    assert value(session, "HASH(NULL, NULL)") not in (None, value(session, "HASH(NULL)"))


def test_the_hash_of_all_rows_is_signed(session):
    signs = {value(session, f"(SELECT HASH_AGG(seq.range) FROM range({n}) AS seq) < 0") for n in range(1, 30)}
    assert signs == {True, False}


# Comparisons of rows


@pytest.mark.parametrize("comparison,expected", [
    ("(5, NULL) >= (5, 1)", None), ("(5, NULL) > (4, 1)", True), ("(5, NULL) < (4, 1)", False), ("(NULL, 1) > (0, 0)", None),
    ("(5, 1) >= (5, 1)", True), ("(5, 1) > (5, 1)", False), ("(5, 1) <= (5, 2)", True), ("(5, 3, 1) < (5, 3, 2)", True),
    ("(5, NULL) = (5, 1)", None), ("(5, NULL) = (4, 1)", False), ("(5, NULL) <> (4, NULL)", True), ("(5, 1) <> (5, 1)", False)])
def test_comparisons_of_rows_are_three_valued(session, comparison, expected):
    assert value(session, comparison) is expected


# Literals


def test_nine_digits_of_a_second_are_kept(session):
    assert value(session, "'2024-01-01 00:00:00.123456789'::TIMESTAMP_NTZ(9) > '2024-01-01 00:00:00.123456788'::TIMESTAMP_NTZ(9)") is True
    assert value(session, "'9999-12-31 00:00:00.123456000'::TIMESTAMP_NTZ(9) > '2024-01-01 00:00:00.123456000'::TIMESTAMP_NTZ(9)") is True


def test_nine_digits_of_a_second_are_written(session):
    session.execute("CREATE TABLE N (D TIMESTAMP_NTZ(8))")
    session.execute("INSERT INTO N VALUES ('2024-01-01 00:00:00.0000001'), ('1969-12-31 23:59:59.123456789'), (NULL)")
    texts = [row["X"] for row in session.execute("SELECT TO_VARCHAR(D, 'YYYY-MM-DD HH24:MI:SS.FF9') AS X FROM N ORDER BY D")]
    assert texts == ["1969-12-31 23:59:59.123456789", "2024-01-01 00:00:00.000000100", None]
    assert len(session.execute("SELECT D FROM N WHERE D = '1969-12-31 23:59:59.123456789'::TIMESTAMP_NTZ(9)")) == 1
    [at] = session.execute("SELECT D FROM N WHERE D < '1970-01-01'::TIMESTAMP_NTZ(9)")
    assert at["D"] == {"epoch": -1, "fraction": 123456789}


def test_38_digits_are_a_number(session):
    assert str(value(session, "'99999999999999999999999999999999999999'::NUMBER(38,0)")) == "9" * 38


def test_a_collation_without_regard_to_case(session):
    session.execute("CREATE TABLE C (K VARCHAR COLLATE 'en-ci')")
    session.execute("INSERT INTO C VALUES ('abc'), ('ABC'), ('abd')")
    assert len(session.execute("SELECT K FROM C WHERE K = 'Abc'")) == 2
    assert len(session.execute("SELECT DISTINCT K FROM C")) == 2


# Session parameters


def test_rows_per_resultset_cuts_and_the_total_agrees(double, session):
    """A driver can't notice: the total is that of what is left."""
    session.execute("ALTER SESSION SET ROWS_PER_RESULTSET = 2")
    assert len(session.execute("SELECT ID FROM T")) == 2
    session.execute("ALTER SESSION SET ROWS_PER_RESULTSET = 0")
    assert len(session.execute("SELECT ID FROM T")) == 3

    with snowflake.connector.connect(user="u", password="p", account="a", host=double.host, port=double.port, protocol="http",
                                     database="DOUBLE", schema="PUBLIC", session_parameters={"ROWS_PER_RESULTSET": 7000}) as connection:
        cursor = connection.cursor().execute("SELECT seq.range AS N FROM range(20000) AS seq")
        assert cursor.rowcount == 7000
        assert len(cursor.fetchall()) == 7000


@pytest.mark.parametrize("slow", ["delay", "computation"])
def test_a_statement_that_takes_too_long_is_canceled(double, session, slow):
    session.execute("ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 1")
    query = "SELECT ID FROM T"
    if slow == "delay":
        double.control({"query_delay": 30})
    else:
        query = "SELECT COUNT(*) AS N FROM range(10000000) AS a, range(10000) AS b WHERE a.range % 7 = b.range % 5"
    begun = time.monotonic()
    assert "timeout of 1 second(s) and was canceled" in refused(session, query)
    assert time.monotonic() - begun < 20
    double.control({"query_delay": 0})
    assert len(session.execute("SELECT ID FROM T")) == 3


# Time travel


def moment(session) -> str:
    """Now, by the double's clock, as an expression; a little later nothing has the same time."""
    time.sleep(0.01)
    [row] = session.execute("SELECT epoch_us(CURRENT_TIMESTAMP) AS N")
    time.sleep(0.01)
    seconds, micros = divmod(row["N"], 1_000_000)
    return f"'{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(seconds))}.{micros:06} +00:00'::TIMESTAMP_TZ"


def ids(session, relation: str) -> list:
    return sorted(row["ID"] for row in session.execute(f"SELECT ID FROM {relation}"))


def test_a_past_moment_is_what_the_table_was(session):
    full = moment(session)
    session.execute("DELETE FROM T WHERE ID = 2")
    fewer = moment(session)
    session.execute("INSERT INTO T VALUES (4, 'd')")
    session.execute("UPDATE T SET ID = 10 WHERE ID = 1")
    assert ids(session, "T") == [3, 4, 10]
    assert ids(session, f"T AT (TIMESTAMP => {full})") == [1, 2, 3]
    assert ids(session, f"T AT (TIMESTAMP => {fewer}) AS x") == [1, 3]
    assert ids(session, f"T BEFORE (TIMESTAMP => {fewer})") == [1, 3]
    assert ids(session, f"T AT (TIMESTAMP => {moment(session)})") == [3, 4, 10]
    assert ids(session, "T AT (OFFSET => 0)") == [3, 4, 10]


def test_a_view_travels_with_its_tables(session):
    session.execute("CREATE VIEW V AS SELECT ID FROM T WHERE ID > 1")
    full = moment(session)
    session.execute("DELETE FROM T WHERE ID = 2")
    assert ids(session, "V") == [3]
    assert ids(session, f"V AT (TIMESTAMP => {full})") == [2, 3]


def test_truncation_is_a_change(session):
    full = moment(session)
    session.execute("TRUNCATE TABLE T")
    assert ids(session, "T") == []
    assert ids(session, f"T AT (TIMESTAMP => {full})") == [1, 2, 3]


@pytest.mark.parametrize("how", ["replaced", "not yet made"])
def test_there_is_no_past_before_a_table_was_made(session, how):
    early = "'2001-01-01 00:00:00 +00:00'::TIMESTAMP_TZ" if how == "not yet made" else moment(session)
    if how == "replaced":
        session.execute("CREATE OR REPLACE TABLE T (ID NUMBER(38,0))")
    message = refused(session, f"SELECT ID FROM T AT (TIMESTAMP => {early})")
    assert "000707 (02000)" in message and "Time travel data is not available for table T" in message
