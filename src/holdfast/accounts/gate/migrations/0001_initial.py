"""The tables of budgets, of what was counted, and of what was spent, as their modules make them."""

from typing import Any

from django.db import migrations

from holdfast.accounts.gate.stores import dialect
from holdfast.gate import sql
from holdfast.work.spent import TABLE


def make(apps: object, schema_editor: Any) -> None:
    kind = dialect(schema_editor.connection.vendor)
    for statement in (*sql.create(kind), *kind.create):
        schema_editor.execute(statement, params=None)


def remove(apps: object, schema_editor: Any) -> None:
    for table in (sql.BUDGETS, sql.TALLY, TABLE):
        schema_editor.execute(f"DROP TABLE {table}", params=None)


class Migration(migrations.Migration):
    initial = True
    atomic = False  # MariaDB makes tables outside of transactions
    dependencies = []
    operations = [migrations.RunPython(make, remove)]
