"""What accounts stores: organisations, people, members, keys, notices."""

import django.contrib.postgres.fields
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
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='OwedEntry',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('actor', models.JSONField()),
                ('home', models.UUIDField(help_text="The actor's organisation.", null=True)),
                ('action', models.CharField(max_length=60)),
                ('object_type', models.CharField(max_length=60)),
                ('object_id', models.UUIDField()),
                ('new_state', models.CharField(blank=True, max_length=30)),
                ('event', models.JSONField(help_text='Type and payload of an event for each organisation.', null=True)),
                ('owed_to', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), help_text='The organisations still without it.', size=None)),
            ],
        ),
        migrations.CreateModel(
            name='Tenant',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=120)),
                ('slug', models.SlugField(unique=True)),
                ('timezone', models.CharField(default='UTC', max_length=64)),
                ('currency', models.CharField(default='EUR', max_length=3)),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254, unique=True)),
                ('first_name', models.CharField(blank=True, max_length=80)),
                ('last_name', models.CharField(blank=True, max_length=80)),
                ('is_staff', models.BooleanField(default=False)),
                ('is_active', models.BooleanField(default=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='PushSubscription',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('endpoint', core.privacy.encrypted_fields.EncryptedTextField()),
                ('keys', core.privacy.encrypted_fields.EncryptedJSONField()),
                ('endpoint_digest', models.CharField(help_text='Blind index of the endpoint.', max_length=64)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('sent_at', models.DateTimeField(help_text='When the push service last took a message.', null=True)),
                ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'person'], name='subscriptions_by_person')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'endpoint_digest'), name='one_subscription_per_browser')],
            },
        ),
        migrations.CreateModel(
            name='PushMessage',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('notice_id', models.UUIDField(help_text='The notice; if it is gone or seen, nothing is sent.')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(default=core.clock.now)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('subscription', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.pushsubscription')),
            ],
            options={
                'indexes': [models.Index(fields=['due_at'], name='push_messages_by_due')],
            },
        ),
        migrations.CreateModel(
            name='RevealGrant',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('object_type', models.CharField(max_length=60)),
                ('object_id', models.UUIDField()),
                ('fields', models.JSONField(default=list)),
                ('reason', models.CharField(max_length=500)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('expires_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'user', 'object_type', 'object_id', 'expires_at'], name='reveals_by_object')],
            },
        ),
        migrations.CreateModel(
            name='RoleGroup',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('approver', 'Approver'), ('support', 'Support'), ('compliance', 'Compliance'), ('viewer', 'Viewer')], max_length=12)),
                ('group', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to='auth.group')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'role'), name='one_group_per_role')],
            },
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('list_key', models.CharField(help_text='The list, such as hitl.approval.', max_length=60)),
                ('name', models.CharField(max_length=40)),
                ('query', models.CharField(help_text='The query string of the list.', max_length=600)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'person', 'list_key', 'name'), name='one_view_per_list_and_name')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to=settings.AUTH_USER_MODEL)),
                ('name', models.CharField(max_length=80)),
                ('prefix', models.CharField(max_length=11)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('scopes', models.JSONField(default=list)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('expires_at', models.DateTimeField()),
                ('last_used_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'API key',
                'indexes': [models.Index(fields=['tenant_id', 'created_at'], name='keys_by_age')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('address', core.privacy.encrypted_fields.EncryptedTextField(null=True)),
                ('name', core.privacy.encrypted_fields.EncryptedTextField(null=True)),
                ('masked_address', models.CharField(max_length=120)),
                ('address_digest', models.CharField(help_text='Blind index of the address, to find its invitation.', max_length=64)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('approver', 'Approver'), ('support', 'Support'), ('compliance', 'Compliance'), ('viewer', 'Viewer')], max_length=12)),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(help_text='Who accepted it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('digest', models.CharField(help_text="Digest of the link's secret.", max_length=64, null=True, unique=True)),
                ('round', models.PositiveSmallIntegerField(default=1, help_text='How often it was sent.')),
                ('mail_problem', models.CharField(blank=True, max_length=200)),
                ('mailed_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(default=core.clock.now)),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(null=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'sent_at'], name='invitations_by_time')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('accepted_at', None), ('withdrawn_at', None)), fields=('tenant_id', 'address_digest'), name='one_open_invitation_per_address')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('approver', 'Approver'), ('support', 'Support'), ('compliance', 'Compliance'), ('viewer', 'Viewer')], default='viewer', max_length=12)),
                ('is_active', models.BooleanField(default=True)),
                ('mail_on', models.BooleanField(default=True, help_text='Whether the person wants approval emails.')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('erased_at', models.DateTimeField(editable=False, help_text='When the person was erased.', null=True)),
                ('own_teams_only', models.BooleanField(default=False, help_text='Whether the person sees only conversations of their own teams.')),
            ],
            options={
                'permissions': [('erase_member', 'Can erase a member for good')],
                'indexes': [models.Index(fields=['tenant_id', 'role'], name='members_by_role')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'user'), name='one_membership_per_person'), models.CheckConstraint(condition=models.Q(('own_teams_only', False), ('role__in', ['approver', 'support', 'viewer']), _connector='OR'), name='some_roles_see_all_teams')],
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('kind', models.CharField(max_length=40)),
                ('title', models.CharField(max_length=120)),
                ('body', models.CharField(blank=True, max_length=300)),
                ('link', models.CharField(blank=True, help_text='A path of our own site.', max_length=300)),
                ('level', models.CharField(choices=[('info', 'Information'), ('warning', 'Warning'), ('alert', 'Alert')], default='info', max_length=7)),
                ('dedupe_key', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('seen_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'person', '-id'], name='notices_by_person'), models.Index(condition=models.Q(('seen_at', None)), fields=['tenant_id', 'person', '-id'], name='unseen_notices')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('dedupe_key', ''), _negated=True), fields=('tenant_id', 'person', 'dedupe_key'), name='one_notice_per_person_and_key'), models.CheckConstraint(condition=models.Q(('link', ''), ('link__regex', '^/([^/\\\\]|$)'), _connector='OR'), name='notices_link_to_our_own_site')],
            },
        ),
    ]
