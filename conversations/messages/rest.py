"""How the API shows what messages were read as."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ReadingFactor(serializers.Serializer[Any]):
    """What counts for or against a score."""

    name = serializers.CharField(read_only=True)
    points = serializers.IntegerField(read_only=True)


class ReadingEntity(serializers.Serializer[Any]):
    """Something that the customer named."""

    kind = serializers.ChoiceField(choices=["request", "order", "amount", "date", "day", "product"], read_only=True)
    text = serializers.CharField(read_only=True)


class ReadingSerializer(serializers.Serializer[Any]):
    """How the customer's messages were read: points that sum up to the urgency and the lead score."""

    rules = serializers.IntegerField(read_only=True, default=0, help_text="The version of the rules.")
    entities = ReadingEntity(many=True, read_only=True, default=list)
    urgency = ReadingFactor(many=True, read_only=True, default=list)
    lead = ReadingFactor(many=True, read_only=True, default=list)
