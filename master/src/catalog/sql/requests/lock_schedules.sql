-- Who sets schedules takes turns: they are bounded in number.
lock table internal.schedules in share row exclusive mode
