-- Owner $3 plans the table $1 of run $2, unless somebody alive does. A planner whose time was over before it had finished counts as a
-- break.
UPDATE migration_status.migration_table_status AS t
   SET planner_owner_id = $3::integer,
       planning_since = CASE WHEN t.planner_owner_id = $3::integer THEN t.planning_since ELSE clock_timestamp() END,
       deadline_breaks = t.deadline_breaks
                         + (t.planned_at IS NULL AND t.planner_owner_id <> $3::integer
                            AND migration_status.owner_ran_out(t.planner_owner_id, t.planning_since) IS TRUE)::integer
 WHERE t.table_id = $1::bigint AND t.run_id = $2::uuid
   AND (t.planned_at IS NOT NULL OR t.planner_owner_id IS NULL OR t.planner_owner_id = $3::integer
        OR NOT migration_status.owner_is_alive(t.planner_owner_id))
RETURNING CASE WHEN t.planned_at IS NULL THEN t.deadline_breaks ELSE 0 END
