-- From now on only builds that keep limits may work on this catalog.
update internal.compatibility set works_from = 3 where version >= 3 and works_from < 3
