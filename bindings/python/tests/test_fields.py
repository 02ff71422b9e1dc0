"""Custom fields: what an admin says about them, and what that means for contacts, files and audiences."""

from __future__ import annotations

from typing import get_type_hints

import pytest
from conftest import Place

from crm_engine import ConflictError, Engine, ForbiddenError, InvalidError, NotFoundError, types


@pytest.fixture
def admin(place: Place) -> Engine:
    return Engine.open(actor="olga", role="admin", **place)


def test_a_field_is_defined_and_values_are_held_to_it(admin: Engine) -> None:
    with admin:
        old = admin.create_contact(name="Old", custom_fields={"level": "GOLD"})
        assert admin.list_fields() == []
        wanted: types.DefinitionFields = {"type": "choice", "options": ["Gold", "Серебро"]}
        made = admin.set_field("level", wanted, version=0)
        assert (made["version"], made["label"], made["options"]) == (1, None, ["Gold", "Серебро"])
        with pytest.raises(ConflictError):
            admin.set_field("level", wanted, version=0)
        admin.set_field("sum", {"type": "number", "label": "Сумма"})
        assert [field["name"] for field in admin.list_fields()] == ["level", "sum"]
        assert admin.get_field("level")["unfitting"] == 1

        new = admin.create_contact(name="New", custom_fields={"level": "серебро", "sum": "12.50"})
        assert new["custom_fields"] == {"level": "Серебро", "sum": 12.5}
        with pytest.raises(InvalidError) as caught:
            admin.create_contact(name="Odd", custom_fields={"level": "tin", "sum": True})
        named = [one["field"] for one in caught.value.fields]
        assert named == ["custom_fields.level", "custom_fields.sum"]
        with pytest.raises(InvalidError) as caught:
            admin.list_contacts(audience='field.sum = "12.5"')
        assert caught.value.fields[0]["field"] == "audience"
        found = admin.list_contacts(audience="field.level = СЕРЕБРО")["items"]
        assert [one["id"] for one in found] == [new["id"]]

        preview = admin.preview_import(
            "name,level,sum\nAnna,gold,\"1 234,5\"\nBoris,tin,1\n", mapping={"sum": "custom_fields.sum"}
        )
        assert preview["samples"][0]["contact"].get("custom_fields") == {"level": "Gold", "sum": 1234.5}
        assert [(one["field"], one["refused"], one["samples"]) for one in preview["fields"]] == [
            ("level", 1, ["tin"]),
            ("sum", 0, []),
        ]
        for value, shape in [
            (made, types.FieldDefinition),
            (admin.list_fields()[1], types.FieldDefinition),
            (admin.get_field("sum"), types.DefinedField),
            (preview["fields"][0], types.TypedColumn),
        ]:
            assert set(value) == set(get_type_hints(shape)), shape

        manager = admin.act_as("boris", "manager")
        assert len(manager.list_fields()) == 2
        with pytest.raises(ForbiddenError):
            manager.set_field("sum", {"type": "text"})
        with pytest.raises(ForbiddenError):
            manager.remove_field("sum")
        admin.remove_field("level")
        with pytest.raises(NotFoundError):
            admin.get_field("level")
        assert admin.get_contact(old["id"])["custom_fields"] == {"level": "GOLD"}
