-- The builds of the masters: any of them may have granted what is looked at now.
select distinct version from internal.masters
