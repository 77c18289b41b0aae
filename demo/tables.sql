-- The targets of the demo. The CSV files say nothing of types or keys; a database of this data would have these.
CREATE SCHEMA nyc;
SET search_path = nyc;

CREATE TABLE airlines (
    carrier varchar(2) PRIMARY KEY,
    name    text NOT NULL
);

CREATE TABLE airports (
    faa   varchar(3) PRIMARY KEY,
    name  text NOT NULL,
    lat   double precision NOT NULL,
    lon   double precision NOT NULL,
    alt   integer NOT NULL,
    tz    smallint NOT NULL,
    dst   char(1) NOT NULL,
    tzone text
);

CREATE TABLE planes (
    tailnum      varchar(6) PRIMARY KEY,
    year         smallint,
    type         text NOT NULL,
    manufacturer text NOT NULL,
    model        text NOT NULL,
    engines      smallint NOT NULL,
    seats        smallint NOT NULL,
    speed        smallint,
    engine       text NOT NULL
);

CREATE TABLE weather (
    origin     varchar(3) NOT NULL,
    year       smallint NOT NULL,
    month      smallint NOT NULL,
    day        smallint NOT NULL,
    hour       smallint NOT NULL,
    temp       double precision,
    dewp       double precision,
    humid      double precision,
    wind_dir   smallint,
    wind_speed double precision,
    wind_gust  double precision,
    precip     double precision NOT NULL,
    pressure   double precision,
    visib      double precision NOT NULL,
    time_hour  timestamptz NOT NULL,
    PRIMARY KEY (origin, time_hour)
);

CREATE TABLE flights (
    year           smallint NOT NULL,
    month          smallint NOT NULL,
    day            smallint NOT NULL,
    dep_time       smallint,
    sched_dep_time smallint NOT NULL,
    dep_delay      smallint,
    arr_time       smallint,
    sched_arr_time smallint NOT NULL,
    arr_delay      smallint,
    carrier        varchar(2) NOT NULL,
    flight         integer NOT NULL,
    tailnum        varchar(6),
    origin         varchar(3) NOT NULL,
    dest           varchar(3) NOT NULL,
    air_time       smallint,
    distance       numeric(5, 0) NOT NULL,
    hour           smallint NOT NULL,
    minute         smallint NOT NULL,
    time_hour      timestamptz NOT NULL,
    PRIMARY KEY (time_hour, carrier, flight)
);
