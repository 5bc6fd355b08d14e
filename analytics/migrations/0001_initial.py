"""What analytics stores: briefs, figures, exports, alerts."""

import datetime

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import analytics.models.briefs
import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    initial = True

    dependencies = [
        ('conversations', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AlertRule',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('key', models.CharField(blank=True, help_text='Of a ready-made rule.', max_length=30)),
                ('name', models.CharField(max_length=80)),
                ('condition', models.CharField(max_length=500)),
                ('hold_seconds', models.PositiveIntegerField(default=0, help_text='How long it has to hold.')),
                ('severity', models.CharField(choices=[('info', 'Information'), ('warning', 'Warning'), ('critical', 'Critical')], default='warning', max_length=8)),
                ('ways', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('notice', 'Notice in the console'), ('mail', 'Email'), ('slack', 'Slack'), ('pagerduty', 'PagerDuty'), ('webhook', 'Webhook')], max_length=9), default=list, size=None)),
                ('runbook', models.CharField(blank=True, max_length=300)),
                ('quiet_from', models.TimeField(null=True)),
                ('quiet_until', models.TimeField(null=True)),
                ('is_on', models.BooleanField(default=False)),
                ('state', models.CharField(choices=[('ok', 'OK'), ('pending', 'Pending'), ('firing', 'Firing'), ('silenced', 'Silenced'), ('broken', 'Broken')], default='ok', max_length=8)),
                ('trouble', models.CharField(blank=True, help_text="Why it can't be evaluated.", max_length=200)),
                ('state_since', models.DateTimeField(default=core.clock.now)),
                ('evaluated_at', models.DateTimeField(null=True)),
                ('silenced_until', models.DateTimeField(null=True)),
                ('damped_until', models.DateTimeField(null=True)),
                ('turn', models.PositiveIntegerField(default=0, help_text='Counts changes of state: the claim of the next one.')),
                ('version', models.PositiveIntegerField(default=1)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='conversations.team')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'name'], name='alert_rules_by_name'), models.Index(condition=models.Q(('is_on', True)), fields=['tenant_id'], name='alert_rules_on')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('key', ''), _negated=True), fields=('tenant_id', 'key'), name='one_rule_per_key')],
            },
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('severity', models.CharField(choices=[('info', 'Information'), ('warning', 'Warning'), ('critical', 'Critical')], max_length=8)),
                ('facts', models.JSONField(default=dict, help_text='The numbers when it began.')),
                ('began_at', models.DateTimeField(default=core.clock.now)),
                ('ended_at', models.DateTimeField(null=True)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('acknowledged_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rule', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='analytics.alertrule')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'rule', '-began_at'], name='alerts_of_rule')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('tenant_id', 'rule'), name='one_open_alert_per_rule')],
            },
        ),
        migrations.CreateModel(
            name='AlertSettings',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('routing_key', core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                ('slack_channel', models.CharField(blank=True, max_length=40)),
                ('has_ready_made', models.BooleanField(default=False)),
                ('changed_at', models.DateTimeField(default=core.clock.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id',), name='one_alert_settings_per_tenant')],
            },
        ),
        migrations.CreateModel(
            name='Brief',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('kind', models.CharField(choices=[('daily', 'Daily'), ('asked', 'On request')], default='daily', max_length=5)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('working', 'In progress'), ('sent', 'Sent'), ('skipped', 'Skipped'), ('failed', 'Failed')], default='queued', max_length=7)),
                ('local_date', models.DateField(verbose_name='day')),
                ('due_at', models.DateTimeField(default=core.clock.now)),
                ('reason', models.CharField(blank=True, max_length=40)),
                ('content', core.privacy.encrypted_fields.EncryptedJSONField(null=True)),
                ('delivery_id', models.UUIDField(null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('lease_until', models.DateTimeField(help_text='Until then a worker has it.', null=True)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('sent_at', models.DateTimeField(null=True, verbose_name='sent')),
                ('opened_at', models.DateTimeField(null=True, verbose_name='opened')),
                ('clicked_at', models.DateTimeField(null=True, verbose_name='clicked')),
                ('fence', models.PositiveIntegerField(db_default=0, default=0, help_text='Which claim has it; each raises it.')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'user', '-id'], name='briefs_of_person'), models.Index(fields=['tenant_id', 'id'], name='briefs_of_tenant'), models.Index(fields=['created_at'], name='briefs_by_age'), models.Index(condition=models.Q(('state__in', ['queued', 'working'])), fields=['lease_until'], name='briefs_to_make')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'daily')), fields=('tenant_id', 'user', 'local_date'), name='one_daily_brief_per_local_date'), models.UniqueConstraint(condition=models.Q(('kind', 'asked'), ('state__in', ['queued', 'working'])), fields=('tenant_id', 'user'), name='one_brief_asked_for_at_a_time')],
            },
        ),
        migrations.CreateModel(
            name='BriefPreference',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('is_on', models.BooleanField(default=False, verbose_name='on')),
                ('at', models.TimeField(default=datetime.time(7, 30), verbose_name='local time')),
                ('zone', models.CharField(default='UTC', max_length=64, verbose_name='time zone')),
                ('sections', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), default=analytics.models.briefs.every_section, size=None)),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'Deutsch'), ('fr', 'Français')], default='en', max_length=2)),
                ('next_due_at', models.DateTimeField(null=True, verbose_name='next')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('changed_at', models.DateTimeField(default=core.clock.now)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('next_due_at__isnull', False)), fields=['next_due_at'], name='briefs_due')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'user'), name='one_preference_per_person'), models.CheckConstraint(condition=models.Q(models.Q(('is_on', True), ('next_due_at__isnull', False)), models.Q(('is_on', False), ('next_due_at__isnull', True)), _connector='OR'), name='a_brief_that_is_on_is_due_some_time')],
            },
        ),
        migrations.CreateModel(
            name='EventRetention',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('days', models.PositiveSmallIntegerField()),
                ('changed_at', models.DateTimeField(default=core.clock.now)),
            ],
            options={
                'permissions': [('manage_events', 'Can choose for how long events are kept')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id',), name='one_event_retention_per_tenant')],
            },
        ),
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('source', models.CharField(max_length=20)),
                ('format', models.CharField(choices=[('csv', 'CSV table'), ('xlsx', 'Excel sheet (XLSX)'), ('parquet', 'Parquet, for programs'), ('jsonl', 'JSON lines, for programs')], max_length=8)),
                ('filters', models.JSONField(default=dict)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('in_clear', models.BooleanField(default=False)),
                ('state', models.CharField(choices=[('waiting', 'Waits for a second person'), ('queued', 'Queued'), ('running', 'Being written'), ('done', 'Ready'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('refused', 'Refused'), ('expired', 'File removed')], default='queued', max_length=9)),
                ('reason', core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                ('decided_at', models.DateTimeField(null=True)),
                ('decision_reason', core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                ('total', models.PositiveIntegerField(default=0)),
                ('written', models.PositiveIntegerField(default=0)),
                ('size', models.BigIntegerField(default=0)),
                ('ending', models.CharField(blank=True, max_length=8)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('error', models.CharField(blank=True, max_length=30)),
                ('file_key', core.privacy.encrypted_fields.EncryptedTextField(null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('lease_until', models.DateTimeField(help_text='Until then a worker has it.', null=True)),
                ('created_at', models.DateTimeField(default=core.clock.now, verbose_name='requested')),
                ('begun_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('expires_at', models.DateTimeField(null=True, verbose_name='expires')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('fence', models.PositiveIntegerField(db_default=0, default=0, help_text='Which claim has it; each raises it.')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', '-id'], name='exports_newest'), models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['lease_until'], name='exports_open'), models.Index(condition=models.Q(('expires_at__isnull', False)), fields=['expires_at'], name='exports_expiring')],
                'constraints': [models.CheckConstraint(condition=models.Q(('in_clear', False), models.Q(('state__in', ['queued', 'running', 'done']), _negated=True), ('decided_by__isnull', False), _connector='OR'), name='in_clear_only_by_a_second_person')],
            },
        ),
        migrations.CreateModel(
            name='ExportPiece',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('number', models.PositiveIntegerField()),
                ('attempt', models.PositiveSmallIntegerField()),
                ('store', models.CharField(blank=True, max_length=10)),
                ('content', models.BinaryField(null=True)),
                ('export', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pieces', to='analytics.export')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'export', 'attempt', 'number'), name='one_piece_per_number')],
            },
        ),
        migrations.CreateModel(
            name='ExportSchedule',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('name', models.CharField(max_length=60)),
                ('source', models.CharField(max_length=20)),
                ('format', models.CharField(choices=[('csv', 'CSV table'), ('xlsx', 'Excel sheet (XLSX)'), ('parquet', 'Parquet, for programs'), ('jsonl', 'JSON lines, for programs')], default='csv', max_length=8)),
                ('filters', models.JSONField(default=dict)),
                ('every', models.CharField(choices=[('week', 'Every week'), ('month', 'Every month')], default='week', max_length=5)),
                ('day', models.PositiveSmallIntegerField(default=1, help_text='1 is Monday, or the first of the month.')),
                ('at', models.TimeField(default=datetime.time(7, 0), verbose_name='local time')),
                ('zone', models.CharField(default='UTC', max_length=64, verbose_name='time zone')),
                ('recipients', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('is_on', models.BooleanField(default=False, verbose_name='on')),
                ('next_run_at', models.DateTimeField(null=True)),
                ('trouble', models.CharField(blank=True, help_text='Why it was switched off.', max_length=40)),
                ('version', models.PositiveIntegerField(default=1)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('next_run_at__isnull', False)), fields=['next_run_at'], name='schedules_due'), models.Index(fields=['tenant_id', '-id'], name='schedules_newest')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('is_on', True), ('next_run_at__isnull', False)), models.Q(('is_on', False), ('next_run_at__isnull', True)), _connector='OR'), name='a_schedule_that_is_on_runs_some_time')],
            },
        ),
        migrations.AddField(
            model_name='export',
            name='schedule',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='exports', to='analytics.exportschedule'),
        ),
        migrations.CreateModel(
            name='FigureDashboard',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('name', models.CharField(max_length=40)),
                ('cards', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), size=None)),
                ('days', models.PositiveSmallIntegerField(default=30)),
                ('is_shared', models.BooleanField(default=False, verbose_name='shared')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('changed_at', models.DateTimeField(default=core.clock.now)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'dashboard',
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'owner', 'name'), name='one_dashboard_per_name')],
            },
        ),
        migrations.CreateModel(
            name='FigureDay',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('metric', models.CharField(max_length=40)),
                ('dimension', models.CharField(choices=[('total', 'Total'), ('team', 'Team'), ('agent', 'Agent'), ('person', 'Person'), ('channel', 'Channel'), ('kind', 'Kind')], max_length=8)),
                ('value', models.CharField(blank=True, max_length=80)),
                ('bucket', models.SmallIntegerField(default=-1)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('n', models.BigIntegerField()),
                ('total', models.DecimalField(decimal_places=6, max_digits=26)),
                ('day', models.DateField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'metric', 'dimension', 'day', 'value', 'bucket', 'currency'), include=('n', 'total'), name='one_figure_per_day')],
            },
        ),
        migrations.CreateModel(
            name='FigureHour',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('metric', models.CharField(max_length=40)),
                ('dimension', models.CharField(choices=[('total', 'Total'), ('team', 'Team'), ('agent', 'Agent'), ('person', 'Person'), ('channel', 'Channel'), ('kind', 'Kind')], max_length=8)),
                ('value', models.CharField(blank=True, max_length=80)),
                ('bucket', models.SmallIntegerField(default=-1)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('n', models.BigIntegerField()),
                ('total', models.DecimalField(decimal_places=6, max_digits=26)),
                ('hour', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['hour'], name='figures_by_age')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'metric', 'dimension', 'hour', 'value', 'bucket', 'currency'), name='one_figure_per_hour')],
            },
        ),
        migrations.CreateModel(
            name='AlertMessage',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('way', models.CharField(choices=[('notice', 'Notice in the console'), ('mail', 'Email'), ('slack', 'Slack'), ('pagerduty', 'PagerDuty'), ('webhook', 'Webhook')], max_length=9)),
                ('kind', models.CharField(choices=[('trigger', 'Began'), ('acknowledge', 'Acknowledged'), ('resolve', 'Ended')], max_length=11)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('sent', 'Sent'), ('skipped', 'Not needed'), ('failed', 'Failed')], default='queued', max_length=7)),
                ('damps', models.BooleanField(default=False, help_text='It also says that further ones are held back for an hour.')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(default=core.clock.now)),
                ('error', models.CharField(blank=True, max_length=40)),
                ('sent_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('alert', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='analytics.alert')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'queued')), fields=['due_at'], name='alert_messages_due')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'alert', 'way', 'kind'), name='one_message_per_change')],
            },
        ),
    ]
