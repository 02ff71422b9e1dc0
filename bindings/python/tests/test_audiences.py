"""Audiences that are saved under names: written by managers, meant by lists and campaigns."""

from __future__ import annotations

from typing import get_type_hints

import pytest
from conftest import Place, Sms

from crm_engine import (
    ConflictError,
    DuplicateError,
    Engine,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    types,
)


def test_a_saved_audience_is_written_once_and_meant_anywhere(place: Place) -> None:
    with Engine.open(actor="olga", role="manager", channels={"sms": Sms()}, **place) as manager:
        for name, segment in [("Anna", "VIP"), ("Boris", "VIP"), ("Vera", "regular")]:
            manager.create_contact(name=name, segment=segment)
        saved = manager.save_audience(name="Big clients", audience="segment = VIP")
        assert (saved["version"], saved["audience"]) == (1, {"segment": "VIP"})
        assert manager.list_audiences() == [saved]
        assert manager.get_audience(saved["id"]) == saved
        with pytest.raises(DuplicateError):
            manager.save_audience(name="BIG clients", audience={"and": []})
        with pytest.raises(InvalidError) as caught:
            manager.save_audience(name="a", audience='saved "Big clients"')
        assert caught.value.fields[0]["field"] == "audience"

        assert manager.sample_audience('saved "big clients"')["count"] == 2
        sample = manager.sample_audience({"not": {"saved": saved["id"]}}, limit=1)
        assert [one["name"] for one in sample["items"]] == ["Vera"]
        assert len(manager.list_contacts(audience={"saved": "Big Clients"})["items"]) == 2
        campaign = manager.create_campaign(
            name="All",
            occasion_type="custom",
            audience={"saved": "Big clients"},
            schedule={"type": "immediate"},
            channel="sms",
        )
        assert campaign["audience"] == {"segment": "VIP"}
        for value, shape in [(saved, types.SavedAudience), (sample, types.AudienceSample)]:
            assert set(value) == set(get_type_hints(shape)), shape

        wanted: types.SavedAudienceFields = {"name": "Big", "audience": "tag = big"}
        with pytest.raises(ConflictError):
            manager.update_audience(saved["id"], wanted, version=7)
        assert manager.update_audience(saved["id"], wanted, version=1)["version"] == 2
        assert manager.get_campaign(campaign["id"])["audience"] == {"segment": "VIP"}
        viewer = manager.act_as("vera", "viewer")
        assert len(viewer.list_audiences()) == 1
        with pytest.raises(ForbiddenError):
            viewer.remove_audience(saved["id"])
        manager.remove_audience(saved["id"])
        with pytest.raises(NotFoundError):
            manager.get_audience(saved["id"])
