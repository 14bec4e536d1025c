-- The tables of the cookbook.
create table orders (id int8 primary key, amount int8);
create table marks (source text primary key, last_id int8 not null);
create table facts (id int8 primary key, amount int8);
create table published (amount int8);
create table sales (day date, region text, amount int8);
create table sales_by_day (day date primary key, amount int8);
