"""What channels_app stores: deliveries, mailboxes, links, calls of providers."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    initial = True

    dependencies = [
        ('conversations', '0001_initial'),
        ('hitl', '0002_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ColleagueAddress',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('address', core.privacy.encrypted_fields.EncryptedTextField()),
                ('address_digest', models.CharField(max_length=64)),
                ('code_digest', models.CharField(blank=True, max_length=64)),
                ('code_until', models.DateTimeField(null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('proven_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('channel_account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='conversations.channelaccount')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'colleague addresses',
                'constraints': [models.UniqueConstraint(condition=models.Q(('proven_at__isnull', False)), fields=('tenant_id', 'channel_account', 'address_digest'), name='one_colleague_per_address'), models.UniqueConstraint(condition=models.Q(('proven_at__isnull', False)), fields=('tenant_id', 'channel_account', 'person'), name='one_address_per_colleague'), models.UniqueConstraint(condition=models.Q(('proven_at__isnull', True)), fields=('tenant_id', 'channel_account', 'person'), name='one_code_per_colleague')],
            },
        ),
        migrations.CreateModel(
            name='InboundDelivery',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('provider', models.CharField(max_length=16)),
                ('channel_account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='conversations.channelaccount')),
                ('event_key', models.CharField(max_length=200)),
                ('queue_key', models.CharField(help_text='Deliveries of one key are processed in order.', max_length=64)),
                ('target', models.UUIDField(help_text='The message that a report is about.', null=True)),
                ('headers', models.JSONField(default=dict)),
                ('body', core.privacy.encrypted_fields.EncryptedTextField(help_text='The raw bytes as Latin-1; dropped some time after processing.', null=True)),
                ('state', models.CharField(choices=[('received', 'Received'), ('held', 'Held'), ('done', 'Done'), ('parked', 'Parked')], default='received', max_length=8)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(default=core.clock.now, help_text='When it may be claimed: the end of a lease or a pause.')),
                ('received_at', models.DateTimeField(default=core.clock.now)),
                ('done_at', models.DateTimeField(null=True)),
                ('error', models.CharField(blank=True, max_length=80)),
            ],
            options={
                'verbose_name_plural': 'inbound deliveries',
                'indexes': [models.Index(condition=models.Q(('state', 'received')), fields=['channel_account', 'queue_key', 'id'], name='deliveries_in_line'), models.Index(condition=models.Q(('state', 'received')), fields=['id'], name='deliveries_to_work'), models.Index(fields=['tenant_id', 'received_at'], name='deliveries_by_day'), models.Index(condition=models.Q(('body__isnull', False), ('state', 'done')), fields=['done_at'], name='deliveries_to_forget')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'provider', 'channel_account', 'event_key'), name='one_delivery_per_event')],
            },
        ),
        migrations.CreateModel(
            name='MailboxProgress',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('uid_validity', models.BigIntegerField(default=0)),
                ('last_uid', models.BigIntegerField(default=0)),
                ('since', models.DateTimeField(default=core.clock.now, help_text='Emails that arrived earlier are left alone.')),
                ('due_at', models.DateTimeField(default=core.clock.now, help_text='When it is read next: the end of a lease or a pause.')),
                ('checked_at', models.DateTimeField(help_text='When it was last read to its end.', null=True)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('channel_account', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='conversations.channelaccount')),
            ],
            options={
                'verbose_name_plural': 'mailbox progress',
                'indexes': [models.Index(fields=['due_at'], name='mailboxes_to_read')],
            },
        ),
        migrations.CreateModel(
            name='ProviderCall',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('what', models.CharField(help_text='A method, or what was sent: a notice, a code, a test.', max_length=40)),
                ('started_at', models.DateTimeField(default=core.clock.now)),
                ('outcome', models.CharField(choices=[('succeeded', 'Succeeded'), ('failed', 'Failed'), ('unknown', 'Unknown')], max_length=9)),
                ('http_status', models.PositiveSmallIntegerField(help_text='What the provider answered.', null=True)),
                ('code', models.CharField(blank=True, max_length=80)),
                ('milliseconds', models.PositiveIntegerField()),
                ('channel_account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='conversations.channelaccount')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'channel_account', 'id'], name='calls_by_account')],
            },
        ),
        migrations.CreateModel(
            name='SlackMessage',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('key', models.CharField(help_text='One message per key.', max_length=120)),
                ('template', models.CharField(max_length=60)),
                ('place', models.CharField(blank=True, help_text="Slack's id of the conversation.", max_length=40)),
                ('ts', models.CharField(blank=True, help_text="Slack's id of the message in it.", max_length=40)),
                ('shown_version', models.PositiveIntegerField(default=0)),
                ('is_settled', models.BooleanField(default=False)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(default=core.clock.now, help_text='When it may be posted or updated again.')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('approval', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='hitl.approval')),
                ('channel_account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='conversations.channelaccount')),
                ('person', models.ForeignKey(help_text='Whose direct message it is.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('is_settled', False)), fields=['due_at'], name='slack_messages_open')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'key'), name='one_slack_message_per_key')],
            },
        ),
        migrations.CreateModel(
            name='SlackRoute',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('channel', models.CharField(max_length=40)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('workflow', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='hitl.approvalworkflow')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'workflow'), name='one_slack_channel_per_workflow')],
            },
        ),
    ]
