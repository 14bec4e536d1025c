-- The report of report.sh. Reads nyc.hours, nyc.routes and nyc.carriers; psql gives :top,
-- :late_minutes and :result (the file for the result).
--
-- Late: left :late_minutes or more after its time. Shares of late ones are of those that left,
-- shares of canceled ones of all. Delays are means over those that left, early ones below zero.

\set VERBOSITY terse
\pset format aligned
\pset border 1
\pset footer off
\pset null '-'

do $$
begin
    if to_regclass('nyc.carriers') is null then
        raise exception 'there are no tables yet: enqueue prepare first, then load-month';
    elsif not exists (select from nyc.hours) then
        raise exception 'no slice is loaded yet: enqueue load-month first';
    end if;
end $$;

-- One picture of the tables for all that follows, also while slices are being loaded.
begin isolation level repeatable read;

create function pg_temp.percent(part bigint, whole bigint) returns numeric language sql
    return round(100.0 * part / nullif(whole, 0), 1);
create function pg_temp.mean(total bigint, number bigint) returns numeric language sql
    return round(total::numeric / nullif(number, 0), 1);

create temporary view measured as
select h.*, flights - canceled as departed,
       visib_mi >= 10 and precip_in = 0 and wind_mph < 20 as fair
from nyc.hours h;

-- What weather costs beyond what the same airport has in the same month at the same hour of the day
-- when it is fair: so neither the evening's queues nor the holidays are blamed on the rain.
create temporary view costs as
with usual as (
    select airport, month, hour,
           sum(delay_minutes)::numeric / sum(departed) as delay,
           sum(canceled)::numeric / sum(flights) as canceled
    from measured where fair
    group by airport, month, hour having sum(departed) > 0
)
select m.airport, sum(m.departed) as departed, sum(m.late) as late,
       sum(m.delay_minutes - m.departed * u.delay) as minutes,
       sum(m.canceled - m.flights * u.canceled) as canceled
from measured m join usual u using (airport, month, hour)
where not m.fair
group by m.airport;

select count(*) as slices, sum(flights) as flights from (
    select airport, month, sum(flights) as flights from nyc.hours group by airport, month
) s \gset
select pg_temp.percent(sum(late), sum(departed)) as late,
       pg_temp.percent(sum(canceled), sum(flights)) as canceled,
       pg_temp.mean(sum(delay_minutes), sum(departed)) as delay,
       sum(flights) filter (where fair is null) as unmeasured
from measured \gset
select round(sum(minutes) / 60) as hours_lost, round(sum(canceled)) as flights_lost,
       round(100 * sum(minutes) / (select sum(delay_minutes) from measured)) as share
from costs \gset

\echo 'WHAT THE WEATHER COSTS NEW YORK''S AIRPORTS, 2013'
\echo ''
\echo :slices 'of 36 slices loaded:' :flights 'departures.' :late '% left' :late_minutes 'minutes late or more,'
\echo :canceled '% never left; the mean delay was' :delay 'minutes.'
\echo ''
\echo 'Foul weather (rain, sight under 10 miles or wind from 20 mph) cost' :hours_lost 'hours of waiting'
\echo 'planes,' :share '% of all delay, and' :flights_lost 'canceled flights: beyond what the same airport has in'
\echo 'the same month at the same hour when it is fair. Delays that foul hours leave to the'
\echo 'fair ones after them count as fair here, so these numbers are rather too low.'
\echo ''

select m.airport,
       pg_temp.percent(count(*) filter (where not fair), count(fair)) as "foul hours %",
       pg_temp.percent(sum(m.late) filter (where fair),
                       sum(m.departed) filter (where fair)) as "late % fair",
       pg_temp.percent(c.late, c.departed) as "late % foul",
       to_char(c.minutes / 60, '99,999') as "hours lost",
       round(c.minutes / nullif(c.departed, 0), 1) as "minutes a flight",
       to_char(c.canceled, '9,999') as "flights lost"
from measured m left join costs c using (airport)
group by m.airport, c.late, c.departed, c.minutes, c.canceled order by m.airport;

\echo 'BY KIND OF WEATHER, in the hour and at the airport of the departure'
\echo ''
with kinds(place, kind, low, high, label) as (values
    (1, 'sight', 10, 1000, 'sight 10 miles'), (2, 'sight', 3, 10, 'sight 3 to 10'),
    (3, 'sight', 1, 3, 'sight 1 to 3'), (4, 'sight', 0, 1, 'sight under 1'),
    (5, 'rain', 0, 0.001, 'no rain or snow'), (6, 'rain', 0.001, 0.05, 'to 0.05 inch an hour'),
    (7, 'rain', 0.05, 0.2, '0.05 to 0.2'), (8, 'rain', 0.2, 1000, '0.2 and more'),
    (9, 'wind', 0, 10, 'wind under 10 mph'), (10, 'wind', 10, 20, 'wind 10 to 20'),
    (11, 'wind', 20, 30, 'wind 20 to 30'), (12, 'wind', 30, 1000, 'wind 30 and more')
)
select k.label as weather, sum(flights) as flights,
       pg_temp.mean(sum(delay_minutes), sum(departed)) as "mean delay",
       pg_temp.percent(sum(late) filter (where airport = 'EWR'),
                       sum(departed) filter (where airport = 'EWR')) as "late % EWR",
       pg_temp.percent(sum(late) filter (where airport = 'JFK'),
                       sum(departed) filter (where airport = 'JFK')) as "JFK",
       pg_temp.percent(sum(late) filter (where airport = 'LGA'),
                       sum(departed) filter (where airport = 'LGA')) as "LGA",
       pg_temp.percent(sum(canceled), sum(flights)) as "canceled %"
from kinds k
join (
    select 'sight' as kind, visib_mi as value, * from measured
    union all select 'rain', precip_in, * from measured
    union all select 'wind', wind_mph, * from measured
) m on m.kind = k.kind and m.value >= k.low and m.value < k.high
group by k.place, k.label order by k.place;

\echo 'WHEN TO FLY: share of late departures by the hour of the schedule'
\echo ''
select to_char(hour, '00') || ':00' as hour, sum(flights) as flights,
       pg_temp.percent(sum(late), sum(departed)) as "late %",
       repeat('#', round(pg_temp.percent(sum(late), sum(departed)))::integer) as " "
from measured group by hour having sum(flights) >= 100 order by hour;

\echo 'THE WORST DAYS: most flights late or canceled'
\echo ''
select to_char(make_date(2013, month, day), 'Dy DD Mon') as day, sum(flights) as flights,
       pg_temp.percent(sum(canceled), sum(flights)) as "canceled %",
       pg_temp.percent(sum(late), sum(departed)) as "late %",
       pg_temp.mean(sum(delay_minutes), sum(departed)) as "mean delay",
       max(wind_mph) as "wind mph", max(precip_in) as "rain in/h", min(visib_mi) as "sight mi"
from measured group by month, day
order by sum(canceled + late)::numeric / sum(flights) desc limit :top;

\echo 'WHOM TO FLY WITH: carriers with 1,000 departures or more, best first'
\echo ''
select coalesce(c.name, r.carrier) as carrier, sum(flights) as flights,
       pg_temp.percent(sum(late), sum(flights - canceled)) as "late %",
       pg_temp.percent(sum(canceled), sum(flights)) as "canceled %",
       pg_temp.mean(sum(delay_minutes), sum(flights - canceled)) as "mean delay"
from nyc.routes r left join nyc.carriers c using (carrier)
group by r.carrier, c.name having sum(flights) >= 1000 order by 3, 1;

\echo 'THE WORST ROUTES: 300 departures or more, by share of late ones'
\echo ''
select airport || ' to ' || dest as route, sum(flights) as flights,
       pg_temp.percent(sum(late), sum(flights - canceled)) as "late %",
       pg_temp.percent(sum(canceled), sum(flights)) as "canceled %",
       pg_temp.mean(sum(delay_minutes), sum(flights - canceled)) as "mean delay"
from nyc.routes
group by airport, dest having sum(flights) >= 300 order by 3 desc, 1 limit :top;

\echo :unmeasured 'departures have no complete weather for their hour: they count in all but the first'
\echo 'table, and in the second where what it asks for is known.'

\pset format unaligned
\pset tuples_only on
\out :result
select json_build_object(
    'slices', :slices, 'flights', :flights, 'late_percent', :late, 'canceled_percent', :canceled,
    'weather_hours_lost', :hours_lost, 'weather_flights_lost', :flights_lost);
\out
commit;
